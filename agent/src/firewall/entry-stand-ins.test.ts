import { describe, expect, it } from 'vitest';
import type { EntryCommands } from './entries.ts';
import { iptablesIpset } from './iptables-ipset.ts';
import { blackholeRoutes } from './route.ts';

const ipset = iptablesIpset({ forwarded: true, families: [4, 6] });
const routes = blackholeRoutes([4, 6]);
const entries = ['198.51.100.7', '198.51.100.0/24', '2001:db8:66::/64'].map(
  (source) => ({ source, tier: 'dropped', origin: 'local', untilMs: 60_000 }) as const,
);

/** What the program that stays takes of the commands of some steps. */
const takenOf = ({ standIn }: EntryCommands, steps: ReturnType<EntryCommands['add']>) =>
  steps.map(({ command: { argv, stdin = '' } }) => {
    const isOf = argv.join(' ') === standIn?.of.join(' ');
    return (
      isOf &&
      stdin
        .trim()
        .split('\n')
        .every((line) => standIn?.takes.test(line))
    );
  });

describe.each([ipset, routes])('the program that stays for $name', (commands) => {
  it('takes what is added and removed', () => {
    expect(takenOf(commands, commands.add(entries, 0))).toEqual([true]);
    expect(takenOf(commands, commands.remove(entries))).toEqual([true]);
  });

  it('takes nothing of what sets up, where one line builds on another', () => {
    const steps = commands.setUp({ allow: ['203.0.113.0/24'], onLink: [], enforce: true });
    expect(takenOf(commands, steps)).not.toContain(true);
  });

  it('takes no line with anything else in it', () => {
    const lines = commands.add(entries, 0)[0]?.command.stdin?.trim().split('\n') ?? [];
    for (const line of lines)
      for (const more of ['\nquit', ' "', ' #', '; x', ' -file /x', '\r'])
        expect(commands.standIn?.takes.test(`${line}${more}`)).toBe(false);
  });
});

describe('what it says', () => {
  it.each([
    // ipset 7.17 and iproute2 6.1, recorded.
    [ipset, "ipset v7.17: Syntax error: unknown output mode 'picket_mark_12'\n"],
    [routes, 'Object "picket_mark_12" is unknown, try "ip help".\nCommand failed -:31\n'],
  ])('of a mark is known, and told from another mark', ({ standIn }, said) => {
    expect(standIn?.complaint('picket_mark_12').exec(`words\n${said}`)?.[0]).toBe(said);
    for (const other of ['picket_mark_1', 'picket_mark_2'])
      expect(said).not.toMatch(standIn?.complaint(other) ?? '');
  });
});
