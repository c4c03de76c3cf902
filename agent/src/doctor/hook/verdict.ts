import { SENT, type Volley } from './volley.ts';

/** What was seen of a block: volleys before, during and after it. */
export interface Stages {
  readonly before: Volley;
  readonly blocked: Volley;
  readonly after: Volley;
  /** By how much the backend's count of refused packets rose meanwhile; undefined where it counts none. */
  readonly counted: number | undefined;
}

/** Whether a block refuses packets; `unknown` when nothing can be said of it, and why. */
export type Verdict = { readonly kind: 'drops' | 'fails' | 'unknown'; readonly words: string };

/**
 * What the stages say. A wire over which nothing comes even without a block has other rules in the way: then only the
 * backend's own count can tell.
 */
export function verdictOf({ before, blocked, after, counted }: Stages): Verdict {
  const isCounted = counted !== undefined && counted >= SENT;
  if (blocked.stranger > 0)
    return {
      kind: 'fails',
      words: `${blocked.stranger} of ${SENT} packets of a blocked address were answered`,
    };
  if (before.control === 0 || before.stranger === 0) return byCount(counted, isCounted);
  if (blocked.control === 0)
    return { kind: 'fails', words: 'the block refused packets of another address too' };
  if (counted !== undefined && !isCounted)
    return {
      kind: 'fails',
      words: `${SENT} packets were refused, and ${counted} counted: something else refuses them`,
    };
  if (after.stranger === 0)
    return { kind: 'fails', words: 'the address stayed refused after its block was lifted' };
  return {
    kind: 'drops',
    words: `${SENT} packets from a blocked address of documentation were refused${isCounted ? ' and counted' : ''}, those before and after it and of its neighbour answered`,
  };
}

function byCount(counted: number | undefined, isCounted: boolean): Verdict {
  if (isCounted)
    return {
      kind: 'drops',
      words: `${counted} packets from a blocked address of documentation were counted as refused (other rules of this host refuse the trial too, so only the counter tells)`,
    };
  const why = 'other rules of this host refuse the packets of the trial even without a block';
  if (counted === undefined) return { kind: 'unknown', words: `${why}, and this backend counts nothing` };
  return { kind: 'fails', words: `${why}, and the block counted ${counted} of ${SENT}` };
}
