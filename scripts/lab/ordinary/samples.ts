import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Where the agent keeps captures as samples for its tests. */
export const TESTDATA = resolve(import.meta.dirname, '../../../agent/src/detect/testdata');

const ports = z.array(z.int());

const sampleSchema = z.strictObject({
  name: z.string(),
  about: z.string(),
  /** Addresses of the host at which it was recorded. */
  own: z.array(z.string()),
  /** Ports that were served all the time. */
  open: z.strictObject({ tcp: ports, udp: ports, sctp: ports }),
  /** Sources that trip. */
  trips: z.array(z.string()),
});

/** A capture with what is expected of it. */
export type Sample = z.infer<typeof sampleSchema>;

/** The samples of a folder of testdata. */
export function readSamples(folder: 'ordinary' | 'scans'): Sample[] {
  return z.array(sampleSchema).parse(JSON.parse(readFileSync(join(TESTDATA, folder, 'index.json'), 'utf8')));
}

/** Path of a sample's capture. */
export const sampleFile = (folder: string, name: string): string => join(TESTDATA, folder, `${name}.pcap`);
