import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Lab } from './lab.ts';

const orderSchema = z.object({
  /** Entries that stay. */
  size: z.int().min(0),
  /** Entries that come and go, and how many of them go with each version; 0: no version without a new order. */
  moving: z.int().min(0),
  step: z.int().min(0),
  /** Time before each new version, ms. */
  pauseMs: z.int().min(0),
  /** True: no new version. */
  isFrozen: z.boolean(),
  /** Sources that stay, by name. */
  named: z.array(z.string()),
});

/** What a list server is to serve. */
export type ListOrder = z.infer<typeof orderSchema>;

const servedSchema = z.object({
  version: z.int(),
  /** When it was signed and about to be sent, Unix ms. */
  servedAtMs: z.number(),
  sources: z.array(z.string()),
});

/** A collector of the lab that only serves a block list, on loopback of a host. */
export type ListServer = {
  joinKey: string;
  /** Has another list served from now on. */
  order: (order: ListOrder) => void;
  /** What it served last; undefined before the first request. */
  served: () => z.infer<typeof servedSchema> | undefined;
};

/** Time for the server to listen, ms: it is TypeScript run from source. */
const READY_MS = 20_000;

const ROOT = resolve(import.meta.dirname, '../..');

const fileOf = (folder: string) => join(folder, 'order.json');

/** The order that a server was given. */
export function readOrder(folder: string): ListOrder {
  return orderSchema.parse(JSON.parse(readFileSync(fileOf(folder), 'utf8')));
}

/** Starts a list server on loopback of a host; its files lie in the lab's folder. */
export async function startListServer(lab: Lab, host: string, first: ListOrder): Promise<ListServer> {
  const { folder } = lab;
  const order = (next: ListOrder) => {
    writeFileSync(`${fileOf(folder)}.new`, JSON.stringify(next));
    renameSync(`${fileOf(folder)}.new`, fileOf(folder));
  };
  order(first);
  const script = join(import.meta.dirname, 'list-server.ts');
  const argv = [process.execPath, '--import', 'tsx', script, folder];
  const server = lab.spawn(host, 'list-server', argv, { cwd: ROOT });
  const [, joinKey = ''] = await server.printed(/join key (\S+)/, READY_MS);
  const served = () => {
    try {
      return servedSchema.parse(JSON.parse(readFileSync(join(folder, 'list.json'), 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return { joinKey, order, served };
}
