import { createInterface } from 'node:readline';
import { createLimiting } from '@picket/agent/detect/limiting';
import { createJudge } from '@picket/agent/detect/rules';
import { createTracker } from '@picket/agent/detect/tracker';
import { createNftables } from '@picket/agent/firewall/nftables';
import { readEphemeralPorts, readHostFacts } from '@picket/agent/host/facts';
import { evidenceRules, rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { runCommand } from '@picket/agent/run/runner';
import { createKernelEngine } from '@picket/agent/watch/kernel';
import { sourceOf } from '@picket/protocol';

/**
 * The kernel engine on a node, with its table, and without an agent's book. One JSON object a line: trips with what the
 * kernel did about them, and when a limit began and ended.
 *
 * Arguments: lines for the policy, and after how many ms without a limited trip blocking works again.
 */
const [config = '', quietMs = ''] = process.argv.slice(2);
const policy = parsePolicy(config, 'lab');
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = (message: string) => say({ log: message });
const ruleset = rulesetPolicy(policy, await readEphemeralPorts(), true);
const parts = { run: runCommand, now: Date.now, log };

/** How often the end of a limit is looked for, and the kernel's count is taken, ms. */
const LOOK_EVERY_MS = 250;
const ACCOUNT_EVERY_MS = 5_000;

const limiting = createLimiting(Number(quietMs));
const tracker = createTracker({ judge: createJudge(evidenceRules(policy)) });
const facts = await readHostFacts();
const engine = createKernelEngine({ ...parts, ruleset, openPorts: async () => [] });
await engine.start({
  probe: (probe) => void tracker.observe(sourceOf(probe.address, facts.onLink), probe),
  trip(probe, outcome) {
    const source = sourceOf(probe.address, facts.onLink);
    if (outcome !== 'limited') say({ source, outcome });
    else if (limiting.note(Date.now())) say({ source, outcome, limiting: 'begins' });
  },
  strong: () => tracker.strong(),
});
await createNftables({ ...parts, policy: ruleset }).open({
  ...{ allow: facts.own, onLink: facts.onLink, enforce: true },
});
say({ ready: true });

const timers = [
  setInterval(() => {
    if (limiting.ended(Date.now()) !== undefined) say({ limiting: 'is over' });
  }, LOOK_EVERY_MS),
  setInterval(() => void engine.lost(), ACCOUNT_EVERY_MS),
];
// Each line asks what the kernel does about a source; the end of the input ends the engine.
for await (const source of createInterface({ input: process.stdin })) {
  const [hold, isClient] = await Promise.all([engine.askForHold?.(source), engine.askForClient?.(source)]);
  say({ asked: source, hold: hold ?? null, isClient });
}
for (const timer of timers) clearInterval(timer);
await engine.stop();
process.exit(0);
