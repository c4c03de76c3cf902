import type { Source } from '@picket/protocol';
import type { Command, Outcome } from '../run/runner.ts';

const SAID = (status: number, stderr = '', stdout = ''): Outcome => ({ status, stdout, stderr });

/**
 * ipf and ipfstat as their manual pages and sources (usr/src/cmd/ipf of illumos) tell: an ordered list of rules for each
 * family, rules of which none is there twice, and an exit status that is 0 also where a rule is refused.
 */
export function createFakeIpfilter() {
  const ipf = {
    isRunning: true,
    isPermitted: true,
    rules: { 4: ['pass in quick on lo0 all', 'pass in all'], 6: ['pass in quick on lo0 all'] },
    hits: new Map<string, number>(),
    ran: [] as string[],
  };
  /** Sources of rules that come before whatever passes everything. */
  const refused = async (): Promise<Source[]> => {
    const before = [ipf.rules[4], ipf.rules[6]].flatMap((rules) =>
      rules.slice(
        0,
        rules.findIndex((rule) => rule.startsWith('pass')),
      ),
    );
    const sources = before.map((rule) => /from (\S+) to/.exec(rule)?.[1]?.replace(/\/(?:32|128)$/, '') ?? '');
    return ipf.isRunning ? [...new Set(sources)] : [];
  };
  const ours = async (): Promise<string> =>
    [...ipf.rules[4], ...ipf.rules[6]]
      .filter((rule) => rule.includes('set-tag'))
      .sort()
      .join('\n');
  const run = async ({ argv, stdin = '' }: Command): Promise<Outcome> => {
    ipf.ran.push(argv.join(' '));
    const family = argv.includes('-6') ? 6 : 4;
    if (argv[1] === '-V') return version(ipf);
    if (!ipf.isPermitted && argv[0] === 'ipf')
      return SAID(0, 'open device: Permission denied\nUser/kernel version check failed\n');
    if (!ipf.isPermitted) return SAID(255, 'open(/dev/ipf): Permission denied\n');
    if (argv[0] === 'ipfstat') return listed(ipf, family);
    const lines = stdin.split('\n').filter(Boolean);
    const said = lines.map((line, i) =>
      argv.includes('-r') ? removed(ipf, family, line) : added(ipf, family, line, i + 1),
    );
    return SAID(0, said.join(''));
  };
  return Object.assign(ipf, { refused, ours, run });
}

type Ipf = Omit<ReturnType<typeof createFakeIpfilter>, 'refused' | 'ours' | 'run'>;

function version({ isRunning, isPermitted }: Ipf): Outcome {
  const head = 'ipf: IP Filter: v4.1.9 (592)\n';
  if (!isPermitted) return SAID(1, 'open device: Permission denied\n', head);
  return SAID(
    0,
    '',
    `${head}Kernel: IP Filter: v4.1.9\nRunning: ${isRunning ? 'yes' : 'no'}\nDefault: pass all, Logging: available\n`,
  );
}

function listed(ipf: Ipf, family: 4 | 6): Outcome {
  const rules = ipf.rules[family];
  if (rules.length === 0) return SAID(0, 'empty list for ipfilter(in)\n');
  return SAID(0, '', rules.map((rule) => `${ipf.hits.get(rule) ?? 0} ${rule}\n`).join(''));
}

/** `@0` puts a rule before all others; without it it comes last. */
function added(ipf: Ipf, family: 4 | 6, line: string, at: number): string {
  const rule = line.replace(/^@0 /, '');
  const isValid =
    /^block in quick (?:proto \w+ )?from [\da-f.:]+\/\d+ to any(?: flags S\/SA)? set-tag\(log=\d+\)$/.test(
      rule,
    );
  if (!isValid || rule.includes(':') !== (family === 6))
    return `syntax error error at "${rule.split(' ')[0]}", line ${at}\n`;
  if (ipf.rules[family].includes(rule)) return `${at}:ioctl(add/insert rule): File exists\n`;
  if (rule === line) ipf.rules[family].push(rule);
  else ipf.rules[family].unshift(rule);
  return '';
}

function removed(ipf: Ipf, family: 4 | 6, rule: string): string {
  ipf.rules[family] = ipf.rules[family].filter((each) => each !== rule);
  return '';
}
