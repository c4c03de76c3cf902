import { type Check, findings } from './finding.ts';

const { ok, note, wrong } = findings('policy');

/** How the reading of the config ended. */
export interface PolicyFacts {
  readonly file: string;
  readonly isThere: boolean;
  /** What is wrong with it, in the words of the reader. */
  readonly fault: string | undefined;
  readonly mode: 'enforce' | 'observe';
}

/** Whether the config can be used. */
export function policyCheck({ file, isThere, fault, mode }: PolicyFacts): Check {
  return async () => {
    if (fault !== undefined)
      return [
        wrong(
          fault,
          `mend ${file}; what follows is looked at with the defaults, and the agent would not start`,
        ),
      ];
    return [
      ok(isThere ? `${file} can be used` : `${file} is not there: the defaults count`),
      ...(mode === 'observe' ? [note('mode = "observe": all is told, nobody is blocked')] : []),
    ];
  };
}
