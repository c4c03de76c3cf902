import { createInterface } from 'node:readline';
import { createJudge } from '@picket/agent/detect/rules';
import { createTracker } from '@picket/agent/detect/tracker';
import { readEphemeralPorts, readHostFacts } from '@picket/agent/host/facts';
import { evidenceRules, rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { runCommand } from '@picket/agent/run/runner';
import { pickEngine } from '@picket/agent/watch/pick';
import { sourceOf } from '@picket/protocol';

/**
 * The capture engine on a node, with the judgement of the agent and without its firewall, so that a scan is seen whole. One
 * JSON object a line: probes with the time at which they came, and whether the source tripped.
 */
const policy = parsePolicy('[watch]\nengine = "capture"\n', 'lab');
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const now = () => performance.timeOrigin + performance.now();

const engine = await pickEngine({
  ...{ policy, run: runCommand, now },
  ruleset: rulesetPolicy(policy, await readEphemeralPorts(), true),
  log: (message) => say({ log: message }),
});
const tracker = createTracker({ judge: createJudge(evidenceRules(policy), engine.knowsClient) });

/** How often addresses are read again, ms; an agent does it twice a minute. */
const ADDRESSES_EVERY_MS = 200;

let facts = await readHostFacts();
engine.setAddresses(facts.own);
await engine.start({
  probe(probe) {
    const source = sourceOf(probe.address, facts.onLink);
    const { isOver } = tracker.observe(source, probe);
    say({ probe, source, isOver, cameAtMs: now(), isClient: engine.knowsClient(source, probe.atMs) });
  },
  trip() {},
  strong: () => [],
});
setInterval(async () => {
  facts = await readHostFacts();
  engine.setAddresses(facts.own);
}, ADDRESSES_EVERY_MS);
say({ ready: engine.name });

// Each line asks for the count of what was lost; the end of the input ends the engine.
for await (const _line of createInterface({ input: process.stdin })) say({ lost: await engine.lost() });
await engine.stop();
process.exit(0);
