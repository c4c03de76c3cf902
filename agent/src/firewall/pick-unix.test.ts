import { describe, expect, it } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { type Command, RunError, type Runner } from '../run/runner.ts';
import { RULESET_POLICY } from './contract.ts';
import { createFakeIpfilter } from './ipfilter-fake.ts';
import { createFakeIpfw } from './ipfw-fake.ts';
import { createFakePf } from './pf-fake.ts';
import { UNIX_FIREWALLS } from './pick-unix.ts';
import { createFakeRoutes } from './reject-route-fake.ts';

type System = 'freebsd' | 'openbsd' | 'sunos';

/** What a host has: its programs by name; any other cannot be started. */
function hostOf(programs: Readonly<Record<string, Runner>>): Runner {
  return async (command: Command) => {
    const program = programs[command.argv[0]];
    if (program === undefined)
      throw new RunError('not_started', `${command.argv[0]}: cannot be started (spawn ENOENT)`);
    return program(command);
  };
}

/** What each backend for a system says against itself on a host. */
async function survey(system: System, run: Runner, block: object = {}) {
  const policy = policySchema.parse({ block });
  const choice = { policy, ruleset: RULESET_POLICY, run, now: Date.now, log: () => {} };
  const here = UNIX_FIREWALLS.filter(({ systems }) => systems?.includes(system));
  return Promise.all(here.map(async (each) => [each.name, await each.whyNot(choice)] as const));
}

describe('the backends of other systems', () => {
  it('stand in the order of the policy for each system', async () => {
    const names = async (system: System) => (await survey(system, hostOf({}))).map(([name]) => name);
    expect(await names('freebsd')).toEqual(['pf', 'ipfw', 'route']);
    expect(await names('openbsd')).toEqual(['pf', 'route']);
    expect(await names('sunos')).toEqual(['pf', 'ipfilter', 'route']);
  });

  it('work where their programs do, and change nothing to find out', async () => {
    const [pf, ipfw, routes] = [createFakePf(), createFakeIpfw(), createFakeRoutes('freebsd')];
    const run = hostOf({ pfctl: pf.run, ipfw: ipfw.run, sysctl: ipfw.run, route: routes.run });
    expect(await survey('freebsd', run)).toEqual([
      ['pf', undefined],
      ['ipfw', undefined],
      ['route', undefined],
    ]);
    expect([pf.tables.size, ipfw.tables.size, ipfw.rules.length, routes.routes.length]).toEqual([0, 0, 2, 1]);
  });

  it('are ipfilter and no pf on illumos and Solaris 10', async () => {
    const [ipf, routes] = [createFakeIpfilter(), createFakeRoutes('sunos')];
    const run = hostOf({ ipf: ipf.run, ipfstat: ipf.run, route: routes.run });
    expect(await survey('sunos', run)).toEqual([
      ['pf', 'pfctl: cannot be started (spawn ENOENT)'],
      ['ipfilter', undefined],
      ['route', undefined],
    ]);
  });

  it('say what an administrator has to do', async () => {
    const [pf, ipf] = [createFakePf(), createFakeIpfilter()];
    pf.mainRules = ['pass all'];
    ipf.isRunning = false;
    const found = await survey('sunos', hostOf({ pfctl: pf.run, ipf: ipf.run, ipfstat: ipf.run }));
    expect(found[0]?.[1]).toContain(
      'adds to /etc/firewall/pf.conf, before the first "quick" rule: anchor "picket"',
    );
    expect(found[1]?.[1]).toContain('svcadm enable network/ipfilter');
  });

  it('warn of a rule that passes packets before ours are asked', async () => {
    const pf = createFakePf();
    pf.mainRules.unshift('pass in quick proto tcp from any to any port = ssh flags S/SA keep state');
    const policy = policySchema.parse({});
    const choice = { policy, ruleset: RULESET_POLICY, run: pf.run, now: Date.now, log: () => {} };
    const [openbsd] = UNIX_FIREWALLS.filter(({ systems }) => systems?.includes('openbsd'));
    expect(await openbsd?.whyNot(choice)).toBeUndefined();
    expect(await openbsd?.warning?.(choice)).toContain('port = ssh');
  });

  it('say when rules of an administrator stand where theirs would', async () => {
    const ipfw = createFakeIpfw();
    ipfw.rules.unshift({ number: 1, set: 0, body: 'allow ip from 192.0.2.0/24 to any' });
    const found = await survey('freebsd', hostOf({ ipfw: ipfw.run, sysctl: ipfw.run }));
    expect(found[1]?.[1]).toContain('rule 00001 of set 0 is not ours');
  });

  it('say that they have no permission', async () => {
    const [pf, routes] = [createFakePf(), createFakeRoutes('openbsd')];
    [pf.isPermitted, routes.isPermitted] = [false, false];
    const found = await survey('openbsd', hostOf({ pfctl: pf.run, route: routes.run }));
    expect(found[0]?.[1]).toContain('Permission denied');
    expect(found[1]?.[1]).toContain('must be root');
  });

  it('that cannot leave forwarded packets alone say so by the name of the key', async () => {
    const [ipf, routes] = [createFakeIpfilter(), createFakeRoutes('sunos')];
    const run = hostOf({ ipf: ipf.run, ipfstat: ipf.run, route: routes.run });
    const found = await survey('sunos', run, { forwarded: false });
    expect(found.slice(1).map(([, why]) => why?.includes('block.forwarded'))).toEqual([true, true]);
  });
});
