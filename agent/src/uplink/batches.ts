import {
  type Act,
  type BatchEvents,
  EVENT,
  MAX_BODY_BYTES,
  MAX_SIGHTINGS_PER_BATCH,
  type Sighting,
  type Unblock,
} from '@picket/protocol';

/** What one event token will carry. */
export interface Content {
  readonly events: BatchEvents;
  readonly hasTrip: boolean;
}

/**
 * Longest JSON of a batch's events, bytes. Base64url makes four of three, and the rest of the token has room to
 * spare: so a token is under MAX_BODY_BYTES even where it is sent uncompressed, and far under MAX_INFLATED_BYTES.
 */
const MAX_JSON_BYTES = Math.floor(((MAX_BODY_BYTES - 4096) * 3) / 4);

type Item = { readonly sighting: Sighting } | { readonly unblock: Unblock } | { readonly act: Act };

/** What there is to tell. */
export interface News {
  readonly sightings: readonly Sighting[];
  readonly unblocks: readonly Unblock[];
  readonly acts?: readonly Act[];
}

/** The fewest batches that carry all within the limits; sightings with a trip apart from all else. */
export function batchesOf({ sightings, unblocks, acts = [] }: News): Content[] {
  const trips = sightings.filter((each) => each.trip !== undefined).map((sighting) => ({ sighting }));
  const others = sightings.filter((each) => each.trip === undefined).map((sighting) => ({ sighting }));
  const lifted = unblocks.map((unblock) => ({ unblock }));
  const ordered = acts.map((act) => ({ act }));
  return [...pack(trips), ...pack([...others, ...lifted, ...ordered])];
}

/** The content in two halves, for a server that takes less; undefined when there is nothing to divide. */
export function halvesOf(events: BatchEvents): Content[] | undefined {
  const sightings = events[EVENT.sightings]?.sightings ?? [];
  const unblocks = events[EVENT.unblock]?.unblocks ?? [];
  const items: Item[] = [
    ...sightings.map((sighting) => ({ sighting })),
    ...unblocks.map((unblock) => ({ unblock })),
    ...(events[EVENT.acts]?.acts ?? []).map((act) => ({ act })),
  ];
  if (items.length < 2) return undefined;
  const middle = Math.ceil(items.length / 2);
  return [...pack(items.slice(0, middle)), ...pack(items.slice(middle))];
}

function pack(items: readonly Item[]): Content[] {
  const contents: Content[] = [];
  let [batch, bytes]: [Item[], number] = [[], 0];
  for (const item of items) {
    const itemBytes = Buffer.byteLength(JSON.stringify(item));
    if (batch.length === MAX_SIGHTINGS_PER_BATCH || (bytes > 0 && bytes + itemBytes > MAX_JSON_BYTES)) {
      contents.push(contentOf(batch));
      [batch, bytes] = [[], 0];
    }
    batch.push(item);
    bytes += itemBytes;
  }
  return batch.length === 0 ? contents : [...contents, contentOf(batch)];
}

function contentOf(items: readonly Item[]): Content {
  const sightings = items.flatMap((item) => ('sighting' in item ? [item.sighting] : []));
  const unblocks = items.flatMap((item) => ('unblock' in item ? [item.unblock] : []));
  const acts = items.flatMap((item) => ('act' in item ? [item.act] : []));
  return {
    events: {
      ...(sightings.length === 0 ? {} : { [EVENT.sightings]: { sightings } }),
      ...(unblocks.length === 0 ? {} : { [EVENT.unblock]: { unblocks } }),
      ...(acts.length === 0 ? {} : { [EVENT.acts]: { acts } }),
    },
    hasTrip: sightings.some((sighting) => sighting.trip !== undefined),
  };
}
