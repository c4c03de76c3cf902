/** Largest request body as it crosses the wire, bytes. A full batch of sightings compresses to well under this. */
export const MAX_BODY_BYTES = 256 * 1024;

/** Largest request body after inflating, bytes: a gzip bomb is cut here. */
export const MAX_INFLATED_BYTES = 1024 * 1024;

/** Most sightings in one event token. 500 sightings with full port lists stay under MAX_INFLATED_BYTES. */
export const MAX_SIGHTINGS_PER_BATCH = 500;

/** Most port ranges per transport in one sighting; a scan of random ports beyond it is told by `portCount` alone. */
export const MAX_PORT_RANGES = 64;

/** Most entries one block list may hold on a host, whoever signs it: a bound on kernel memory (about 15 MB). */
export const MAX_BLOCK_LIST_ENTRIES = 100_000;

/** Longest a shared block may last on a host, ms (31 days); a later end is cut to this. */
export const MAX_SHARED_BLOCK_MS = 31 * 24 * 3_600_000;

/** Most addresses or prefixes in the allow list of a network. */
export const MAX_ALLOW_ENTRIES = 1_000;

/** Longest name of a host or network, characters. */
export const MAX_NAME_LENGTH = 253;

/** How long a request token of a host is valid, seconds; also the tolerance for clocks that differ. */
export const REQUEST_TOKEN_SECONDS = 60;

/** Longest a block list request is held open, seconds (RFC 7240 `Prefer: wait`). */
export const MAX_WAIT_SECONDS = 55;

/** Oldest batch a collector takes, ms (31 days): older ones have no partition any more to be told from repeats. */
export const MAX_BATCH_AGE_MS = 31 * 24 * 3_600_000;
