import { TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';

/** `there`: whether there was a table at all. */
export type Done = { ok: true; there: boolean } | { ok: false; why: string };

/** Changes the table of the kernel while no agent runs. A host without nft or without the table has nothing to change. */
export async function onTable(run: Runner, lines: readonly string[]): Promise<Done> {
  const list = await run({ argv: ['nft', 'list', 'tables'] }).catch(() => undefined);
  if (list === undefined) return { ok: true, there: false };
  if (list.status !== 0) return { ok: false, why: `nft: ${list.stderr.trim()}` };
  if (!list.stdout.split('\n').includes(`table ${TABLE}`)) return { ok: true, there: false };
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
  return status === 0 ? { ok: true, there: true } : { ok: false, why: `nft: ${stderr.trim().slice(0, 500)}` };
}
