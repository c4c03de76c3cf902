import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { replay } from '../replay/replay.ts';

/** What the captures of a folder of testdata are; recorded by scripts/lab/ordinary/make-samples.ts. */
interface Sample {
  readonly name: string;
  readonly about: string;
  readonly own: string[];
  readonly open: Record<'tcp' | 'udp' | 'sctp', number[]>;
  readonly trips: string[];
}

const TESTDATA = join(import.meta.dirname, 'testdata');

function samples(folder: string): Sample[] {
  return JSON.parse(readFileSync(join(TESTDATA, folder, 'index.json'), 'utf8')) as Sample[];
}

/** Plays a sample through the gate with the shipped default policy. */
function play(folder: string, { name, own, open }: Sample) {
  const file = join(TESTDATA, folder, `${name}.pcap`);
  return replay({ file, policy: parsePolicy('', ''), own, open, ephemeral: [32_768, 60_999] });
}

const tripped = (trips: readonly { source: string }[]) =>
  [...new Set(trips.map(({ source }) => source))].sort();

describe('ordinary traffic', () => {
  it.each(samples('ordinary'))('$name accuses nobody', async (sample) => {
    const { trips, cut, counts } = await play('ordinary', sample);
    expect({ trips: tripped(trips), cut }).toEqual({ trips: [], cut: undefined });
    expect(counts.packets).toBeGreaterThan(10);
  });
});

describe('a scan', () => {
  it.each(samples('scans'))('by $about trips', async (sample) => {
    const { trips, cut } = await play('scans', sample);
    expect({ trips: tripped(trips), cut }).toEqual({ trips: sample.trips, cut: undefined });
  });
});
