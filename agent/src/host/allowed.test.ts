import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { createAllowed, resolveName } from './allowed.ts';

/** What a policy allows, with a clock and a resolver in the test's hands. */
function allowedBy(toml: string) {
  const policy = parsePolicy(toml, 'x');
  const said: string[] = [];
  const asked: string[] = [];
  const world = { nowMs: Date.UTC(2026, 10, 24, 12), answers: new Map<string, string[] | Error>() };
  const allowed = createAllowed({
    ...{ sources: policy.allow.sources, scanners: policy.scanner },
    async resolve(name) {
      asked.push(name);
      const answer = world.answers.get(name) ?? [];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    now: () => world.nowMs,
    log: (message) => said.push(message),
  });
  return { world, said, asked, allowed };
}

const NAMES = '[allow]\nsources = ["198.51.100.0/24", "scan.example.org"]';
const MINUTE = 60_000;

describe('what is allowed', () => {
  it('is each network, and each address of a name, once', async () => {
    const { world, allowed } = allowedBy(
      '[allow]\nsources = ["192.0.2.1", "a.example.org", "b.example.org"]',
    );
    world.answers.set('a.example.org', ['192.0.2.7', '2001:db8::7']).set('b.example.org', ['192.0.2.7']);
    expect(await allowed()).toEqual(['192.0.2.1/32', '192.0.2.7', '2001:db8::7']);
  });

  it('asks for a name again after five minutes, not before', async () => {
    const { world, asked, allowed } = allowedBy(NAMES);
    world.answers.set('scan.example.org', ['192.0.2.7']);
    await allowed();
    world.answers.set('scan.example.org', ['192.0.2.8']);
    world.nowMs += 5 * MINUTE - 1;
    expect(await allowed()).toContain('192.0.2.7');
    expect(asked).toHaveLength(1);
    world.nowMs += 1;
    expect(await allowed()).toEqual(['198.51.100.0/24', '192.0.2.8']);
  });

  it.each([
    ['no address', []],
    ['an error', new Error('SERVFAIL')],
  ])(
    'keeps the last answer of a name that now has %s, says so once, and asks each time',
    async (_, answer) => {
      const { world, said, asked, allowed } = allowedBy(NAMES);
      world.answers.set('scan.example.org', ['192.0.2.7']);
      await allowed();
      world.answers.set('scan.example.org', answer);
      for (let i = 0; i < 3; i++) {
        world.nowMs += 5 * MINUTE;
        expect(await allowed()).toContain('192.0.2.7');
      }
      expect(said).toEqual([
        'the allowed name scan.example.org cannot be resolved; what it was last stays allowed',
      ]);
      expect(asked).toHaveLength(4);
    },
  );

  it('says it again when a name was there in between', async () => {
    const { world, said, allowed } = allowedBy(NAMES);
    for (const answer of [[], ['192.0.2.7'], []]) {
      world.answers.set('scan.example.org', answer);
      await allowed();
      world.nowMs += 5 * MINUTE;
    }
    expect(said).toHaveLength(2);
  });

  it('holds a scanner only at its times, and asks for its name only then', async () => {
    const { world, asked, allowed } = allowedBy(
      '[[scanner]]\nsources = ["192.0.2.9", "audit.example.org"]\nfrom = 2026-11-24T13:00:00Z\nuntil = 2026-11-24T14:00:00Z',
    );
    world.answers.set('audit.example.org', ['192.0.2.10']);
    expect(await allowed()).toEqual([]);
    expect(asked).toEqual([]);
    world.nowMs += 60 * MINUTE;
    expect(await allowed()).toEqual(['192.0.2.9/32', '192.0.2.10']);
    world.nowMs += 60 * MINUTE;
    expect(await allowed()).toEqual([]);
  });
});

it("resolves names in the system's own order", async () => {
  expect(await resolveName('localhost')).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]),
  );
});
