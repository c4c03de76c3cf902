import { familyOf, firstAddress } from '@picket/protocol';
import type { Track } from '../detect/track.ts';
import { bucketLimit, EVIDENCE_SETS, ROOM_AT } from './counting.ts';
import { keyOf, TABLE } from './names.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';

/** Most sources whose evidence is put back, and about how many contacts: what nft takes in some 100 ms, and half the room. */
const MAX_KEPT = 2_000;
const MAX_CONTACTS = ROOM_AT / 2;

/** Contacts in one command. */
const CHUNK = 1_000;

/**
 * The script that makes room in the sets of evidence: nftables knows no order of age, so all are emptied in one
 * transaction, and the strongest evidence is put back. Weak evidence is not.
 *
 * A bucket that had tokens left comes back with that many and holds no more until the window is over; one that had none
 * comes back with one, since nft has no empty bucket.
 *
 * @param strong tracks with several contacts, the youngest last
 * @returns the script, and how many contacts it puts back
 */
export function roomScript(
  policy: RulesetPolicy,
  strong: Iterable<Track>,
  nowMs: number,
): { script: string; kept: number } {
  const { threshold } = policy.evidence;
  const tracks = youngest([...strong].slice(-MAX_KEPT).filter((track) => keyOf(track.source) !== undefined));
  const [seen, suspects, rates] = [new Lists(), new Lists(), new Lists()];
  for (const track of tracks) {
    const [family, address] = [familyOf(track.source), firstAddress(track.source)];
    for (const [key, atMs] of track.contacts) {
      const contact = contactElement(address, key, remaining(atMs, threshold.window, nowMs));
      if (contact !== undefined) seen.add(`seen${family}`, contact);
    }
    suspects.add(`suspect${family}`, address);
    const left = Math.max(1, Math.floor(track.buckets.ports?.tokens ?? threshold.ports - 1));
    if (threshold.ports > 1 && left < threshold.ports - 1)
      rates.add(`rate${family}`, `${address} ${bucketLimit(policy, left)}`);
  }
  const flushes = EVIDENCE_SETS.flatMap((set) =>
    [4, 6].map((family) => `flush set ${TABLE} ${set}${family}`),
  );
  const lines = [...flushes, ...seen.lines(), ...suspects.lines(), ...rates.lines()];
  return { script: `${lines.join('\n')}\n`, kept: seen.size };
}

/** The youngest tracks that hold no more contacts together than may be put back. */
function youngest(tracks: readonly Track[]): readonly Track[] {
  let [contacts, from] = [0, tracks.length];
  while (from > 0 && contacts < MAX_CONTACTS) contacts += tracks[--from]?.contacts.size ?? 0;
  return tracks.slice(from);
}

/** Seconds that a contact is still remembered; none when its window is over. */
function remaining(atMs: number, windowMs: number, nowMs: number): number | undefined {
  const seconds = Math.ceil((atMs + windowMs - nowMs) / 1000);
  return seconds > 0 ? Math.min(seconds, Math.ceil(windowMs / 1000)) : undefined;
}

/** An element of `seen` for a contact as tracks key it; undefined for weak ones and IP protocols, which are let go. */
function contactElement(address: string, key: string, seconds: number | undefined): string | undefined {
  const [transport, port, local, weak] = key.split('/');
  if (seconds === undefined || weak !== undefined || transport === 'ip') return undefined;
  return `${address} . ${transport} . ${port} . ${local} timeout ${seconds}s`;
}

/** Elements by set. */
class Lists {
  readonly #sets = new Map<string, string[]>();
  size = 0;

  add(set: string, element: string): void {
    const list = this.#sets.get(set);
    if (list === undefined) this.#sets.set(set, [element]);
    else list.push(element);
    this.size++;
  }

  lines(): string[] {
    return [...this.#sets].flatMap(([set, elements]) =>
      Array.from({ length: Math.ceil(elements.length / CHUNK) }, (_, i) => {
        const chunk = elements.slice(i * CHUNK, (i + 1) * CHUNK);
        return `add element ${TABLE} ${set} { ${chunk.join(', ')} }`;
      }),
    );
  }
}
