import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { bootMachine, type Machine } from './machine/machine.ts';
import { machineMissing } from './machine/missing.ts';

/*
 * Structured lines as the real receivers see them: the journal of a real systemd, and the frame that arrives on /dev/log.
 * The engine is `connect` over loopback, since a machine has no other network.
 */

const ROOT = join(import.meta.dirname, '..');
const missing = machineMissing();

/** Time for an event to be in the journal, ms. */
const WRITTEN_MS = 20_000;

/** Ports that the agent binds; the third distinct one trips. */
const CONFIG = (form: string) => `
state_dir = "/var/lib/picket-${form}"
[watch]
engine = "connect"
[connect]
tcp = "9001-9004"
udp = ""
[threshold]
ports = 3
[block]
firewall = "log-only"
[report]
json = "${form}"
[lab]
loopback_sources = true
`;

describe.skipIf(missing)(`structured lines${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await bootMachine();
    await cp(join(ROOT, 'agent/dist/agent.mjs'), machine.path('/usr/local/lib/agent.mjs'));
    for (const form of ['journald', 'rfc5424'])
      await writeFile(machine.path(`/etc/${form}.toml`), CONFIG(form));
  });
  afterAll(() => machine?.close());

  /** Runs an agent, has it probed, and stops it. */
  const probed = async (form: string, isTold: () => Promise<boolean>) => {
    const unit = `agent-${form}`;
    const run = `node=$(command -v node); systemd-run -q --unit=${unit} $node /usr/local/lib/agent.mjs`;
    await machine.mustRun(`${run} run --config /etc/${form}.toml`);
    const watches = async () => (await machine.run(`journalctl -u ${unit} -o cat`)).said.includes('watching');
    await waitFor('the agent to watch', watches, WRITTEN_MS);
    // One port twice: it is one contact.
    const script = 'for port in 9001 9001 9002 9003; do curl -s http://127.0.0.1:$port; done; true';
    await machine.mustRun(script);
    await waitFor('the block to be told', isTold, WRITTEN_MS);
    await machine.mustRun(`systemctl stop ${unit}`);
  };
  const entries = async (match: string): Promise<Record<string, string>[]> => {
    const said = await machine.mustRun(`journalctl -q -o json ${match}`);
    return said
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };

  /** Messages with our structured data, as the daemon on /dev/log got them. */
  const framesSeen = async (): Promise<string[]> => {
    const all = (await entries('_TRANSPORT=syslog')).map((entry) =>
      String(entry.SYSLOG_RAW ?? entry.MESSAGE),
    );
    return all.filter((text) => text.includes('picket@32473'));
  };

  test('of the journal have fields of their own, one entry an event', async () => {
    await probed('journald', async () => (await entries('PICKET_EVENT=block')).length > 0);
    const events = await entries('-t picket');
    expect(events.map((entry) => entry.PICKET_EVENT)).toEqual([
      ...['start', 'probe', 'probe', 'probe', 'probe', 'block', 'stop'],
    ]);
    expect(events[1]).toMatchObject({
      ...{ PICKET_SOURCE: '127.0.0.1', PICKET_PORT: '9001', PICKET_TRANSPORT: 'tcp' },
      ...{ PICKET_TECHNIQUE: 'connect', PICKET_EVIDENCE: 'handshake', PRIORITY: '5' },
      MESSAGE: 'probe of tcp/9001 from 127.0.0.1 (connect)',
    });
    expect(events[5]).toMatchObject({ PICKET_ENFORCED: 'false', PICKET_FIREWALL: 'log-only' });
  });

  test('of the system log are frames of RFC 5424 with structured data and JSON', async () => {
    await probed('rfc5424', async () => (await framesSeen()).some((text) => text.includes('event="block"')));
    const frames = await framesSeen();
    expect(frames.length).toBeGreaterThanOrEqual(6);
    const frame =
      /^(<29>)?1 \d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) \S+ picket \d+ (\w+) (\[.*?\]) (\{.*\})$/;
    for (const text of frames) expect(text).toMatch(frame);
    const block = frames.map((text) => frame.exec(text)).find((match) => match?.[3] === 'block');
    expect(block?.[4]).toContain('picket@32473 event="block" source="127.0.0.1"');
    expect(JSON.parse(block?.[5] ?? '')).toMatchObject({
      event: 'block',
      source: '127.0.0.1',
      enforced: false,
    });
  });
});
