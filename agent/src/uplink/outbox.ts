import type { Act, Sighting, Unblock } from '@picket/protocol';

/** What the agent hands over to be told to the collector. */
export interface Outgoing {
  readonly sightings?: readonly Sighting[];
  readonly unblocks?: readonly Unblock[];
  readonly acts?: readonly Act[];
}

/** What is taken out to be sealed. */
export interface Taken {
  readonly sightings: Sighting[];
  readonly unblocks: Unblock[];
  readonly acts: Act[];
}

/** Most sightings that wait for the next batch, in each of the two queues: some 10 MB. */
const MAX_WAITING = 10_000;

/** What waits to be sealed. Of one sighting only the highest `rev` waits, for every value in it is absolute. */
export class Outbox {
  readonly #queues = {
    urgent: { sightings: new Map<string, Sighting>(), unblocks: [] as Unblock[], acts: [] as Act[] },
    calm: { sightings: new Map<string, Sighting>(), unblocks: [] as Unblock[], acts: [] as Act[] },
  };
  #lost = 0;

  /** Sightings given up because they came faster than they could be sealed. */
  get lost(): number {
    return this.#lost;
  }

  add({ sightings = [], unblocks = [], acts = [] }: Outgoing, isUrgent: boolean): void {
    const queue = this.#queues[isUrgent ? 'urgent' : 'calm'];
    queue.unblocks.push(...unblocks.slice(0, Math.max(0, MAX_WAITING - queue.unblocks.length)));
    queue.acts.push(...acts.slice(0, Math.max(0, MAX_WAITING - queue.acts.length)));
    for (const sighting of sightings) this.#addSighting(sighting, isUrgent);
  }

  take(which: 'urgent' | 'calm'): Taken {
    const { sightings, unblocks, acts } = this.#queues[which];
    this.#queues[which] = { sightings: new Map(), unblocks: [], acts: [] };
    return { sightings: [...sightings.values()], unblocks, acts };
  }

  #addSighting(sighting: Sighting, isUrgent: boolean): void {
    const { urgent, calm } = this.#queues;
    const waiting = urgent.sightings.get(sighting.id) ?? calm.sightings.get(sighting.id);
    const newest = waiting !== undefined && waiting.rev > sighting.rev ? waiting : sighting;
    const target = isUrgent || urgent.sightings.has(sighting.id) ? urgent : calm;
    calm.sightings.delete(sighting.id);
    target.sightings.set(sighting.id, newest);
    if (target.sightings.size > MAX_WAITING) this.#dropOne(target.sightings);
  }

  #dropOne(sightings: Map<string, Sighting>): void {
    const [oldest] = sightings.keys();
    const victim = [...take(sightings.values(), 100)].find((each) => each.trip === undefined)?.id ?? oldest;
    if (victim === undefined) return;
    sightings.delete(victim);
    this.#lost += 1;
  }
}

function* take<T>(values: Iterable<T>, most: number): Iterable<T> {
  let count = 0;
  for (const value of values) {
    if (count++ >= most) return;
    yield value;
  }
}
