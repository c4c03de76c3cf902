import { parsePolicy } from '@picket/agent/policy/load';
import { replay } from '@picket/agent/replay/replay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { DIFFERENCES } from './ordinary/differences.ts';
import { HOST } from './ordinary/kind.ts';
import { play, serveAll } from './ordinary/play.ts';
import { readSamples, type Sample, sampleFile } from './ordinary/samples.ts';
import { EPHEMERAL, watchByBoth } from './ordinary/watchers.ts';

const missing = labMissing();

const SAMPLES = (['ordinary', 'scans'] as const).flatMap((folder) =>
  readSamples(folder).map((sample) => ({ ...sample, folder })),
);

/** What was recorded once, played to a host that both engines watch, and to the replay of the file. */
describe.skipIf(missing)(`the engines agree${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: [HOST] });
  });
  afterAll(() => lab?.close());

  test('every difference that is allowed is of a sample that there is', () => {
    const known = SAMPLES.map(({ folder, name }) => `${folder}/${name}`);
    expect(DIFFERENCES.filter(({ sample }) => !known.includes(sample))).toEqual([]);
  });

  const replayed = async (sample: Sample, file: string) => {
    const known = { own: sample.own, open: sample.open, ephemeral: EPHEMERAL };
    const { trips, open } = await replay({ file, policy: parsePolicy('', ''), ...known });
    return { open, tripped: [...new Set(trips.map(({ source }) => source))].sort() };
  };

  test.each(SAMPLES)('on $folder/$name', async ({ folder, ...sample }) => {
    const { name, own, trips } = sample;
    const file = sampleFile(folder, name);
    expect([lab.node(HOST).v4, lab.node(HOST).v6]).toEqual(own);
    const { open, tripped } = await replayed(sample, file);
    const services = await serveAll(lab, open);
    const watchers = await watchByBoth(lab, HOST);
    try {
      await play(lab, file, own);
      const named: Record<string, string[]> = { replay: tripped };
      for (const watcher of watchers) named[watcher.name] = await watcher.tripped();
      const allowed = DIFFERENCES.find((difference) => difference.sample === `${folder}/${name}`);
      const expected = (['kernel', 'capture', 'replay'] as const).map((engine) => [
        engine,
        [...trips, ...(allowed?.[engine] ?? [])].sort(),
      ]);
      expect(named).toEqual(Object.fromEntries(expected));
    } finally {
      for (const watcher of watchers) await watcher.stop();
      await services.stop();
    }
  });
});
