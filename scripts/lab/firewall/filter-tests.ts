import { firewallContract, put, want } from '@picket/agent/firewall/contract';
import type { EntryCommands } from '@picket/agent/firewall/entries';
import { createEntryFirewall } from '@picket/agent/firewall/entry-firewall';
import { runSteps } from '@picket/agent/firewall/entry-steps';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../lab.ts';
import { labMissing } from '../missing.ts';
import { connects, converse, HOST, reaches, runnerOn, stayingRunnerOn } from './host.ts';

const missing = labMissing();
const SCANNER = '203.0.113.200';
const NETWORKS = { allow: [], onLink: [], enforce: true };

/** A packet filter that is tried in the lab. */
export interface FilterSubject {
  readonly name: string;
  readonly commands: EntryCommands;
  /** Another make of a program. */
  readonly renamed?: (program: string) => string;
  /** Sources that the filter refuses, asked without the backend. */
  readonly refused: (run: Run) => Promise<string[]>;
  /** Networks that its rules let go before they ask for blocks. */
  readonly allowed: (run: Run) => Promise<string[]>;
  /** All of ours, without counters and ends. */
  readonly ours: (run: Run) => Promise<string>;
  /** The ends of all blocks, where it keeps them. */
  readonly ends?: (run: Run) => Promise<(readonly [string, number])[]>;
  /** What others may do to it. */
  readonly damages: readonly (readonly string[])[];
  /** What an administrator who does not know of Picket does to all rules. */
  readonly flushes: readonly (readonly string[])[];
  /** What the whole system has of rules and sets, to be compared. */
  readonly everything: (run: Run) => Promise<string>;
  /** Rules of an administrator. */
  readonly others: readonly (readonly string[])[];
}

/** Runs a command on the host, and gives what it printed. */
export type Run = (...argv: string[]) => Promise<string>;

/** What every packet filter with both tiers does to real packets. */
export function filterTests({
  name,
  commands,
  renamed,
  refused,
  allowed,
  ours,
  ends,
  damages,
  flushes,
  everything,
  others,
}: FilterSubject) {
  describe.skipIf(missing)(`${name} in the lab${missing ? ` (skipped: ${missing})` : ''}`, () => {
    let lab: Lab;
    let staying: ReturnType<typeof stayingRunnerOn>;
    const said: string[] = [];
    let aheadMs = 0;
    beforeAll(async () => {
      lab = await openLab({ hosts: [HOST] });
      staying = stayingRunnerOn(lab, commands, { run: runnerOn(lab, renamed) });
      await Promise.all([reaches(lab, 'scanner'), reaches(lab, 'scanner', 6), reaches(lab, 'far', 6)]);
    });
    afterAll(async () => {
      await staying.close();
      await lab.close();
    });
    const clean = async () => {
      aheadMs = 0;
      await backend().remove();
    };
    beforeEach(clean);

    const run: Run = async (...argv) => (await runnerOn(lab, renamed)({ argv: argv as [string] })).stdout;
    const backend = () =>
      createEntryFirewall(commands, {
        run: staying.run,
        now: () => Date.now() + aheadMs,
        log: (message) => said.push(message),
      });
    const opened = async () => {
      const firewall = backend();
      await firewall.open(NETWORKS);
      return firewall;
    };

    const prepare = async () => {
      await clean();
      const named = damages.map((argv) => [argv.join(' '), () => run(...argv)] as const);
      const time = ends
        ? { ends: () => ends(run) }
        : {
            pass: (ms: number) => {
              aheadMs += ms;
            },
          };
      return {
        ...{ firewall: backend(), reopen: backend, said, ...time, damages: Object.fromEntries(named) },
        ...{ refused: () => refused(run), allowed: () => allowed(run), ours: () => ours(run) },
      };
    };
    firewallContract(name, prepare);

    test('a held source is refused in the kernel, and the refused packets are counted', async () => {
      const firewall = await opened();
      expect(await reaches(lab, 'scanner')).toBe(true);
      await put(firewall, { ...want([SCANNER]), ...NETWORKS });
      expect(await reaches(lab, 'scanner')).toBe(false);
      expect(await firewall.look()).toMatchObject([{ source: SCANNER, tier: 'held', packets: 1 }]);
      expect(await reaches(lab, 'client')).toBe(true);
    });

    test('a whole IPv6 /64 is refused, and a neighbour by its single address; so is a shared CIDR', async () => {
      const firewall = await opened();
      const sources = ['2001:db8:66::/64', '2001:db8:1::200'];
      await put(firewall, { ...want(sources, ['203.0.113.192/26'], { tier: 'dropped' }), ...NETWORKS });
      expect(await reaches(lab, 'far', 6)).toBe(false);
      expect(await reaches(lab, 'scanner', 6)).toBe(false);
      expect(await reaches(lab, 'scanner')).toBe(false);
      expect([await reaches(lab, 'collector', 6), await reaches(lab, 'collector')]).toEqual([true, true]);
    });

    test('allow wins over every block, also in the kernel', async () => {
      const firewall = await opened();
      const stance = { ...NETWORKS, allow: ['203.0.113.200', '2001:db8:1::200'] };
      const both = want([SCANNER], [SCANNER], { tier: 'dropped' });
      await put(firewall, { ...both, ...stance });
      expect(await reaches(lab, 'scanner')).toBe(true);
      await firewall.apply({ ...both, ...NETWORKS });
      expect(await reaches(lab, 'scanner')).toBe(false);
      // What stands in the rules already, as another agent's block would, is overruled by them.
      await runSteps(runnerOn(lab, renamed), commands.setUp(stance));
      expect(await reaches(lab, 'scanner')).toBe(true);
    });

    test('a held source keeps the connection it has and gets no new one; a dropped one loses it', async () => {
      const firewall = await opened();
      const conversation = await converse(lab, 'scanner');
      await put(firewall, { ...want([SCANNER]), ...NETWORKS });
      expect(await connects(lab, 'scanner', 7)).toBe(false);
      expect(await conversation.goesOn()).toBe(true);
      await put(firewall, { ...want([SCANNER], [], { tier: 'dropped' }), ...NETWORKS });
      expect(await conversation.isCut()).toBe(true);
      await conversation.end();
    });

    test('a held IPv6 neighbour is still found by neighbour discovery', async () => {
      const firewall = await opened();
      await put(firewall, { ...want(['2001:db8:1::200'], [], { tier: 'dropped' }), ...NETWORKS });
      await lab.mustExec('scanner', ['ip', '-6', 'neigh', 'flush', 'all']);
      expect(await reaches(lab, 'scanner', 6)).toBe(false);
      const neighbours = await lab.mustExec('scanner', ['ip', '-6', 'neigh', 'show', lab.node(HOST).v6]);
      expect(neighbours).toMatch(/lladdr/);
    });

    test('nobody is refused during a pause, and all are as before afterwards', async () => {
      const firewall = await opened();
      const wanted = { ...want([SCANNER]), ...NETWORKS };
      await put(firewall, { ...wanted, enforce: false });
      expect(await reaches(lab, 'scanner')).toBe(true);
      await firewall.apply(wanted);
      expect(await reaches(lab, 'scanner')).toBe(false);
    });

    test('blocks stand while the agent is away, and when it comes back', async () => {
      await put(await opened(), { ...want([SCANNER]), ...NETWORKS });
      await backend().open(NETWORKS);
      expect(await reaches(lab, 'scanner')).toBe(false);
    });

    test.each(flushes.map((argv) => [argv.join(' '), argv] as const))(
      'after somebody did "%s" the next look puts everything back, and says so',
      async (_, argv) => {
        const firewall = await opened();
        await put(firewall, { ...want([SCANNER]), ...NETWORKS });
        said.length = 0;
        await run(...argv);
        await firewall.look();
        expect(await reaches(lab, 'scanner')).toBe(false);
        expect(said.join()).toMatch(/others (?:changed what was set up|removed \d+ blocks)/);
      },
    );

    test('the rules of others stay as they are, and nothing of ours stays in the end', async () => {
      for (const argv of others) await run(...argv);
      const before = await everything(run);
      const firewall = await opened();
      await put(firewall, { ...want([SCANNER, '2001:db8:66::/64'], ['198.51.100.0/24']), ...NETWORKS });
      await firewall.look();
      await firewall.remove();
      expect(await everything(run)).toBe(before);
    });
  });
}
