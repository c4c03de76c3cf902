import type { Family } from '@picket/protocol';
import type { Runner } from '../run/runner.ts';
import type { Step } from './entries.ts';

/**
 * Tries steps that change nothing.
 *
 * @param packages what brings the commands, for who lacks them
 * @returns why one of them does not work, or undefined when all do
 */
export async function whyNot(
  run: Runner,
  trials: readonly Step[],
  packages: string,
): Promise<string | undefined> {
  for (const { command, fine } of trials) {
    const outcome = await run(command).catch((error: Error) => error);
    if (outcome instanceof Error) return `${outcome.message}; install ${packages}`;
    const words = outcome.stderr.trim();
    if (outcome.status === 0 || fine?.test(words)) continue;
    return `${command.argv[0]}: ${words.split('\n')[0] || `exit status ${outcome.status}`}`;
  }
  return undefined;
}

/** What iptables lets be tried: to read a table, and to make a rule that knows connections without loading it. */
export function iptablesTrials(family: Family): Step[] {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const rule = '-A PICKET_TRY -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN';
  return [
    { command: { argv: [`${program}-save`, '-t', 'raw'] } },
    {
      command: {
        argv: [`${program}-restore`, '--test', '--noflush'],
        stdin: `*mangle\n:PICKET_TRY - [0:0]\n${rule}\nCOMMIT\n`,
      },
    },
  ];
}

/** Listing the names of sets takes the kernel's part of ipset, and the permission to use it. */
export const IPSET_TRIALS: readonly Step[] = [{ command: { argv: ['ipset', 'list', '-n'] } }];

/** Takes away a route that cannot be there: loopback is nobody's source. That it is not there is said only to who may. */
export function routeTrials(family: Family): Step[] {
  const source = family === 4 ? '127.0.0.1' : '::1';
  const argv = ['ip', `-${family}`, 'route', 'del', 'blackhole', source, 'proto', '112'] as const;
  return [{ command: { argv }, fine: /^RTNETLINK answers: No such process$/ }];
}
