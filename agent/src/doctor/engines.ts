import { type Check, type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('engine');

/** The engines, the best first. */
export const ENGINES = ['kernel', 'capture', 'connect'] as const;

export type EngineName = (typeof ENGINES)[number];

/** What the check of engines looks at. */
export interface EngineFacts {
  /** Why an engine does not work here, or undefined when it does. */
  readonly whyNot: (engine: EngineName) => Promise<string | undefined>;
  /** `watch.engine` of the policy. */
  readonly wanted: EngineName | 'auto';
  /** Engine of the running agent. */
  readonly running: string | undefined;
  readonly nflogGroup: number;
  /** Text of a file of the kernel; undefined when it is not there or may not be read. */
  readonly read: (path: string) => Promise<string | undefined>;
}

/** Which engines work here, and whether the kernel is as they need it. */
export function engineCheck(facts: EngineFacts): Check {
  return async () => {
    const whys: (string | undefined)[] = [];
    for (const engine of ENGINES) whys.push(await facts.whyNot(engine));
    const works = (engine: EngineName) => whys[ENGINES.indexOf(engine)] === undefined;
    const taken = facts.wanted === 'auto' ? ENGINES.find(works) : facts.wanted;
    const each = ENGINES.map((engine, i) => finding(engine, whys[i], engine === facts.wanted));
    const usesKernel = (facts.running ?? taken) === 'kernel';
    return [...each, ...(usesKernel ? await kernelFindings(facts) : [])];
  };
}

function finding(engine: EngineName, whyNot: string | undefined, isWanted: boolean): Finding {
  if (whyNot === undefined) return ok(`${engine} works`);
  if (isWanted)
    return wrong(
      `watch.engine = "${engine}" does not work here: ${whyNot}`,
      'mend that, or set watch.engine = "auto"',
    );
  return note(`${engine} does not work: ${whyNot}`);
}

const CHECKSUM = '/proc/sys/net/netfilter/nf_conntrack_checksum';
const NFLOG = '/proc/net/netfilter/nfnetlink_log';

async function kernelFindings({ read, running, nflogGroup }: EngineFacts): Promise<Finding[]> {
  const checksum = (await read(CHECKSUM))?.trim();
  const groups = await read(NFLOG);
  return [
    ...(checksum === '0'
      ? [
          wrong(
            'nf_conntrack_checksum is 0: packets with a wrong checksum count as probes, though the host drops them',
            'sysctl -w net.netfilter.nf_conntrack_checksum=1, and the same in a file of /etc/sysctl.d',
          ),
        ]
      : []),
    groupFinding(
      groups === undefined ? undefined : nflogGroups(groups).includes(nflogGroup),
      running,
      nflogGroup,
    ),
  ];
}

/** Groups that a program listens to: first column of each line (`seq_show` of net/netfilter/nfnetlink_log.c). */
export function nflogGroups(table: string): number[] {
  return table.split('\n').flatMap((line) => {
    const group = /^\s*(\d{1,5})\s+\d+\s/.exec(line)?.[1];
    return group === undefined ? [] : [Number(group)];
  });
}

function groupFinding(isUsed: boolean | undefined, running: string | undefined, group: number): Finding {
  if (isUsed === undefined)
    return note(
      `whether NFLOG group ${group} is free cannot be seen by this user`,
      'run this as root of the machine to know',
    );
  if (running === 'kernel')
    return isUsed
      ? ok(`the agent listens to NFLOG group ${group}`)
      : wrong(
          `nobody listens to NFLOG group ${group}: probes are blocked and not told`,
          'systemctl restart picket-agent',
        );
  return isUsed
    ? wrong(
        `somebody listens to NFLOG group ${group}, and no agent of this engine runs`,
        'a tcpdump that a killed agent left goes with its next start; else set another nflog_group under [kernel] in picket.toml',
      )
    : ok(`NFLOG group ${group} is free`);
}
