import { firstAddress, isSingleSource, parseSource, sourceOf } from '@picket/protocol';
import { bookPath, parseBook } from '../blocks/book.ts';
import { blockMessage } from '../control/explain.ts';
import { type Explanation, explanationSchema } from '../control/messages.ts';
import { openStance, pausePath } from '../control/stance.ts';
import type { Policy } from '../policy/policy.ts';
import { historyPath, readHistory } from '../report/history.ts';
import { readFileIfThere } from '../uplink/state-file.ts';
import { ask, complain, print } from './ask.ts';
import { explanationLines } from './words/explain.ts';

/** `picket-agent explain`: what is known of an address, and why it is or is not blocked. @returns the exit status */
export async function explainCommand(policy: Policy, text: string, json: boolean): Promise<number> {
  const source = parseSource(text);
  if (source === undefined) return complain({ why: `"${text}" is no address` });
  if (!isSingleSource(source))
    return complain({ why: `${source} is many sources: ask for one address of it` });
  const route = `/v1/explain?address=${encodeURIComponent(text)}`;
  const asked = await ask(policy, { method: 'GET', route, schema: explanationSchema });
  if (!asked.ok && asked.kind !== 'none') return complain(asked);
  const told = asked.ok ? asked.value : await fromDisk(policy, firstAddress(source));
  return json ? print(JSON.stringify(told, null, 2)) : print(...explanationLines(told));
}

/** What book and history say while no agent runs; which networks are directly connected is not known then. */
async function fromDisk({ state_dir, mode: own }: Policy, address: string): Promise<Explanation> {
  const now = Date.now;
  const book = parseBook((await readFileIfThere(bookPath(state_dir))) ?? '[]') ?? [];
  const candidates = [sourceOf(address), address];
  const block = book.find(({ source, untilMs }) => candidates.includes(source) && untilMs > now());
  const source = block?.source ?? sourceOf(address);
  const stance = await openStance({
    ...{ own, now, save: async () => {} },
    load: () => readFileIfThere(pausePath(state_dir)),
  });
  return {
    ...{ address, source, nowMs: now(), isRunning: false },
    ...{ stance: stance.now(), enforces: stance.now().mode === 'enforce' },
    ...{ buckets: [], tripwires: [], history: await readHistory(historyPath(state_dir), source) },
    ...(block !== undefined && { block: blockMessage(block) }),
  };
}
