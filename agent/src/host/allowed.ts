import type { Cidr } from '@picket/protocol';
import { type AuthorisedScanner, isAuthorised, type SourceName } from '../policy/sources.ts';
import type { Names } from './names.ts';

/** What the allowed sources of a policy come from. */
export interface AllowedDeps {
  readonly sources: readonly SourceName[];
  readonly scanners: readonly AuthorisedScanner[];
  readonly names: Pick<Names, 'addressesOf'>;
  /** Unix ms. */
  readonly now: () => number;
}

/**
 * What a policy allows now: its networks, the addresses of its names, and the scanners that are authorised at this time.
 * Answers at once with what is known of names; `names.watch` tells when that has changed.
 */
export function createAllowed({ sources, scanners, names, now }: AllowedDeps): () => readonly Cidr[] {
  const cidrsOf = (source: SourceName): readonly Cidr[] =>
    source.kind === 'cidr' ? [source.cidr] : names.addressesOf(source.name);
  return () => {
    const at = new Date(now());
    const scanning = scanners.filter((scanner) => isAuthorised(scanner, at));
    const all = [...sources, ...scanning.flatMap((scanner) => scanner.sources)];
    return [...new Set(all.flatMap(cidrsOf))];
  };
}
