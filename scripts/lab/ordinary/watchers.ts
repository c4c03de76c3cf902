import { toHostSockets } from '@picket/agent/host/listeners';
import { procfsSockets } from '@picket/agent/host/listeners-procfs';
import { readBlocks } from '@picket/agent/nft/elements';
import { renderRuleset } from '@picket/agent/nft/ruleset';
import { rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import type { Runner } from '@picket/agent/run/runner';
import { createOpenPorts } from '@picket/agent/watch/kernel-open';
import type { PortRange } from '@picket/protocol';
import { watchByCapture } from '../capture-watch.ts';
import type { Lab } from '../lab.ts';

/** An engine at work on a host of a lab. */
export interface Watcher {
  readonly name: 'kernel' | 'capture';
  /** The sources that tripped, once all that was sent until now is decided. */
  readonly tripped: () => Promise<string[]>;
  /** Takes from it what it remembers of talks for two minutes only, as far as that can be reached. */
  readonly forget: () => Promise<void>;
  /** Looks at what the host serves now. */
  readonly look: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Linux's local ephemeral ports, as a host has them by default (ip-sysctl, `ip_local_port_range`). */
export const EPHEMERAL: PortRange = [32_768, 60_999];

const HELD = ['held4', 'held64', 'held128'];
const SHORT_MEMORY = ['wrote4', 'wrote6'];

/** The kernel's table alone, fresh, with the shipped default policy. */
export async function watchByKernel(lab: Lab, node: string): Promise<Watcher> {
  const ruleset = renderRuleset(rulesetPolicy(parsePolicy('', ''), EPHEMERAL, true), true);
  const onLink = 'add element inet picket onlink6 { 2001:db8:1::/64 }\n';
  await lab.mustExec(node, ['nft', '-f', '-'], { stdin: ruleset + onLink });
  const list = (set: string) => lab.mustExec(node, ['nft', '-j', 'list', 'set', 'inet', 'picket', set]);
  return {
    name: 'kernel',
    tripped: async () => {
      const blocks = (await Promise.all(HELD.map(list))).flatMap((json) => readBlocks(json, 0));
      return blocks.map(({ source }) => source).sort();
    },
    forget: async () => {
      for (const set of SHORT_MEMORY)
        await lab.mustExec(node, ['nft', 'flush', 'set', 'inet', 'picket', set]);
    },
    look: async () => {
      const table = await lab.mustExec(node, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
      const { listeners } = toHostSockets(procfsSockets(table, 'tcp', true));
      const openPorts = [...listeners.tcp].map((port) => ({ transport: 'tcp' as const, port }));
      const run: Runner = ({ argv, stdin }) => lab.exec(node, argv, { ...(stdin && { stdin }) });
      await createOpenPorts(run, async () => openPorts)();
    },
    stop: async () => {
      await lab.mustExec(node, ['nft', 'delete', 'table', 'inet', 'picket']);
    },
  };
}

/** The capture engine, with the agent's judgement. It keeps its memory: from outside nothing can be taken from it. */
export async function watchCapture(lab: Lab, node: string): Promise<Watcher> {
  const watch = await watchByCapture(lab, node);
  return {
    name: 'capture',
    tripped: async () => {
      await watch.settled();
      return [...new Set(watch.seen.filter(({ isOver }) => isOver).map(({ source }) => source))].sort();
    },
    forget: async () => {},
    // A list of listeners is read to decide the marker.
    look: () => watch.settled(),
    stop: watch.stop,
  };
}

/** Both engines side by side: a capture sees packets before the table does. */
export const watchByBoth = (lab: Lab, node: string): Promise<Watcher[]> =>
  Promise.all([watchByKernel(lab, node), watchCapture(lab, node)]);

/** Has the watchers look at what the host serves. */
export async function lookAll(watchers: readonly Watcher[]): Promise<void> {
  for (const watcher of watchers) await watcher.look();
}

/** Has conntrack forget all, and the watchers what they remember for a short time. */
export async function forgetAll(lab: Lab, node: string, watchers: readonly Watcher[]): Promise<void> {
  await lab.exec(node, ['conntrack', '-F']);
  for (const watcher of watchers) await watcher.forget();
}
