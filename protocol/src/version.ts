/**
 * The wire version both sides speak, one integer.
 *
 * History:
 * - 1 (2026-11): first version: enrolment, rotation of keys, sightings, status, unblock and acts events, block list. Open
 *   to change until the first release, frozen from then on.
 */
export const WIRE_VERSION = 1;

/** Wire versions a collector accepts; anything else is answered with 426. */
export const SPOKEN_WIRE_VERSIONS: readonly number[] = [1];
