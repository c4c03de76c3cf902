import { lookup } from 'node:dns/promises';
import { type Address, type Cidr, parseAddress } from '@picket/protocol';
import { type AuthorisedScanner, isAuthorised, type SourceName } from '../policy/sources.ts';

/** How often a name is resolved again, ms. */
const RESOLVE_EVERY_MS = 300_000;

/** Longest that a name is waited for, ms: neither the start nor a lift may hang on a resolver that is away. */
export const RESOLVE_LIMIT_MS = 2_000;

/** What the allowed sources of a policy come from. */
export interface AllowedDeps {
  readonly sources: readonly SourceName[];
  readonly scanners: readonly AuthorisedScanner[];
  /** Addresses of a name; empty or rejected when it cannot be resolved. */
  readonly resolve: (name: string) => Promise<readonly Address[]>;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/** All addresses of a name in the system's own order of look-ups (hosts file, DNS, …). */
export async function resolveName(name: string): Promise<Address[]> {
  const found = await lookup(name, { all: true });
  return found.flatMap(({ address }) => parseAddress(address.split('%')[0] ?? '') ?? []);
}

/**
 * What a policy allows now: its networks, the addresses of its names, and the scanners that are authorised at this time.
 * A name that cannot be resolved keeps the addresses of the last time, and that is said once.
 */
export function createAllowed(deps: AllowedDeps): () => Promise<readonly Cidr[]> {
  const known = new Map<string, { addresses: readonly Address[]; atMs: number; failed: boolean }>();
  const addressesOf = async (name: string): Promise<readonly Address[]> => {
    const last = known.get(name);
    if (last !== undefined && !last.failed && deps.now() - last.atMs < RESOLVE_EVERY_MS)
      return last.addresses;
    const found = await within(RESOLVE_LIMIT_MS, deps.resolve(name)).catch(() => []);
    const failed = found.length === 0;
    if (failed && last?.failed !== true)
      deps.log(`the allowed name ${name} cannot be resolved; what it was last stays allowed`);
    const addresses = failed ? (last?.addresses ?? []) : found;
    known.set(name, { addresses, atMs: deps.now(), failed });
    return addresses;
  };
  const cidrsOf = async (source: SourceName): Promise<readonly Cidr[]> =>
    source.kind === 'cidr' ? [source.cidr] : addressesOf(source.name);
  return async () => {
    const at = new Date(deps.now());
    const scanning = deps.scanners.filter((scanner) => isAuthorised(scanner, at));
    const sources = [...deps.sources, ...scanning.flatMap((scanner) => scanner.sources)];
    const lists = await Promise.all(sources.map(cidrsOf));
    return [...new Set(lists.flat())];
  };
}

/** The addresses, or none when they take longer. */
export async function within(ms: number, found: Promise<readonly Address[]>): Promise<readonly Address[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Address[]>((resolve) => {
    timer = setTimeout(() => resolve([]), ms);
  });
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}
