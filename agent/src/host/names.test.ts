import type { Address } from '@picket/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Names, openNames, RESOLVE_EVERY_MS, RESOLVE_LIMIT_MS, resolveName } from './names.ts';

type Answer = Address[] | Error | 'never';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Names over a resolver in the test's hands; what is kept of them goes from one to the next. */
async function namesOf(answers: Map<string, Answer>, kept: { text?: string } = {}) {
  const asked: string[] = [];
  const said: string[] = [];
  const names = await openNames({
    resolve(name) {
      asked.push(name);
      const answer = answers.get(name) ?? [];
      if (answer === 'never') return new Promise(() => {});
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    now: Date.now,
    log: (message) => said.push(message),
    load: async () => kept.text,
    save: async (text) => {
      kept.text = text;
    },
  });
  return { names, asked, said };
}

/** Lets answers that are there come in. */
const settle = () => vi.advanceTimersByTimeAsync(0);

/** Asks as the agent does: every half a minute. */
async function pass(names: Names, name: string, ms: number): Promise<void> {
  for (let t = 0; t < ms; t += 30_000) {
    names.addressesOf(name);
    await vi.advanceTimersByTimeAsync(30_000);
  }
}

const NAME = 'scan.example.org';

describe('a name', () => {
  it('is answered at once with what is known, and told when its addresses are there', async () => {
    const { names } = await namesOf(new Map([[NAME, ['2001:db8::7', '192.0.2.7']]]));
    const onChange = vi.fn();
    names.watch(onChange);
    expect(names.addressesOf(NAME)).toEqual([]);
    await settle();
    expect(onChange).toHaveBeenCalledTimes(1);
    expect(names.addressesOf(NAME)).toEqual(['192.0.2.7', '2001:db8::7']);
  });

  it('is asked for again after five minutes, and told only when it has other addresses', async () => {
    const answers = new Map<string, Answer>([[NAME, ['192.0.2.7']]]);
    const { names, asked } = await namesOf(answers);
    const onChange = vi.fn();
    names.watch(onChange);
    await pass(names, NAME, RESOLVE_EVERY_MS);
    expect(asked).toHaveLength(1);
    await pass(names, NAME, RESOLVE_EVERY_MS);
    expect(asked).toHaveLength(2);
    expect(onChange).toHaveBeenCalledTimes(1);
    answers.set(NAME, ['192.0.2.8']);
    await pass(names, NAME, RESOLVE_EVERY_MS);
    expect(onChange).toHaveBeenCalledTimes(2);
    expect(names.addressesOf(NAME)).toEqual(['192.0.2.8']);
  });

  it.each<[string, Answer]>([
    ['no address', []],
    ['an error', new Error('SERVFAIL')],
    ['silence', 'never'],
  ])('keeps its last good answer when there is %s, and says so once', async (_, answer) => {
    const answers = new Map<string, Answer>([[NAME, ['192.0.2.7']]]);
    const { names, said } = await namesOf(answers);
    await pass(names, NAME, RESOLVE_EVERY_MS);
    answers.set(NAME, answer);
    await pass(names, NAME, 4 * RESOLVE_EVERY_MS);
    expect(names.addressesOf(NAME)).toEqual(['192.0.2.7']);
    expect(said).toEqual([
      'the name scan.example.org cannot be resolved; what it was last stays (192.0.2.7), and it is tried again',
    ]);
  });

  it('keeps its last good answer over a restart without a resolver', async () => {
    const kept = {};
    const first = await namesOf(new Map([[NAME, ['192.0.2.7']]]), kept);
    first.names.addressesOf(NAME);
    await settle();
    const second = await namesOf(new Map([[NAME, 'never' as const]]), kept);
    expect(second.names.addressesOf(NAME)).toEqual(['192.0.2.7']);
  });

  it('is tried again soon when it fails, with a pause that doubles up to five minutes', async () => {
    const { names, asked } = await namesOf(new Map());
    await pass(names, NAME, 60_000);
    expect(asked.length).toBeGreaterThanOrEqual(4); // at 0, 5, 15, 35 s
    const before = asked.length;
    await pass(names, NAME, 3_600_000);
    expect(asked.length - before).toBeLessThan(20);
  });

  it('is not tried any more when nobody asks for it', async () => {
    const { names, asked } = await namesOf(new Map());
    names.addressesOf(NAME);
    await vi.advanceTimersByTimeAsync(600_000);
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(6_000_000);
    expect(asked.length).toBe(before);
  });

  it('is there when a resolver that was silent answers late', async () => {
    let answer: (found: Address[]) => void = () => {};
    const names = await openNames({
      resolve: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      now: Date.now,
      log: () => {},
    });
    names.addressesOf(NAME);
    await vi.advanceTimersByTimeAsync(10 * RESOLVE_LIMIT_MS);
    answer(['192.0.2.7']);
    await settle();
    expect(names.addressesOf(NAME)).toEqual(['192.0.2.7']);
  });
});

describe('a resolver that never answers', () => {
  it('is asked for a few names at a time, for each once, and others get their turn', async () => {
    const answers = new Map<string, Answer>([['good.example.org', ['192.0.2.9']]]);
    for (let i = 0; i < 10; i++) answers.set(`s${i}.example.org`, 'never');
    const { names, asked } = await namesOf(answers);
    for (const name of [...answers.keys()].reverse()) names.addressesOf(name);
    expect(asked.length).toBeLessThanOrEqual(2);
    await vi.advanceTimersByTimeAsync(6 * RESOLVE_LIMIT_MS);
    expect(names.addressesOf('good.example.org')).toEqual(['192.0.2.9']);
    for (let i = 0; i < 40; i++) {
      for (const name of answers.keys()) names.addressesOf(name);
      await vi.advanceTimersByTimeAsync(30_000);
    }
    // No look-up is begun for a name whose last one is still under way.
    expect(asked.filter((name) => name.startsWith('s'))).toHaveLength(10);
  });
});

it('a damaged file of names counts as empty', async () => {
  for (const text of ['{', '[]', '{"a.example.org":["x"]}', '{"a.example.org":"192.0.2.1"}']) {
    const { names } = await namesOf(new Map(), { text });
    expect(names.addressesOf('a.example.org')).toEqual([]);
  }
});

it("resolves names in the system's own order", async () => {
  vi.useRealTimers();
  expect(await resolveName('localhost')).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]),
  );
});
