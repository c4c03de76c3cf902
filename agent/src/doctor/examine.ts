import { AREAS, type Area, type Check, type Finding, findings } from './finding.ts';

/** Longest that one check may take, ms: the longest of them blocks, sends and lifts with each backend. */
const LIMIT_MS = 60_000;

/**
 * Makes all checks, one after the other, so that none disturbs another and a transcript can be read. A check that fails or
 * hangs is a finding like any other.
 */
export async function examine(
  checks: Readonly<Partial<Record<Area, Check>>>,
  limitMs = LIMIT_MS,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const area of AREAS) {
    const check = checks[area];
    if (check !== undefined) found.push(...(await guarded(area, check, limitMs)));
  }
  return found;
}

async function guarded(area: Area, check: Check, limitMs: number): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      findings(area).wrong(
        `this could not be looked at: ${why}`,
        'run picket-agent doctor --transcript, and report what it prints',
      ),
    ];
  } finally {
    clearTimeout(timer);
  }
}

/** Exit status of a command that found this: 1 when something is wrong. */
export function exitStatus(found: readonly Finding[]): 0 | 1 {
  return found.some(({ grade }) => grade === 'wrong') ? 1 : 0;
}
