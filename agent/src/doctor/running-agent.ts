import { stanceWords } from '../cli/words/stance.ts';
import { spanWords } from '../cli/words/time.ts';
import type { Asked } from '../control/client.ts';
import type { Status } from '../control/messages.ts';
import { type Check, type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('agent');

/** What the check of the running agent looks at. */
export interface AgentFacts {
  readonly asked: Asked<Status>;
  /** Version of this program. */
  readonly version: string;
  /** Whether an agent ever ran here: it has a key. */
  readonly wasSetUp: boolean;
}

/** Whether an agent runs, and what it says of itself. */
export function agentCheck({ asked, version, wasSetUp }: AgentFacts): Check {
  return async () => {
    if (asked.ok) return runningFindings(asked.value, version);
    if (asked.kind === 'denied') return [note(asked.why)];
    if (asked.kind !== 'none') return [wrong(asked.why, 'systemctl restart picket-agent')];
    if (!wasSetUp)
      return [note('no agent runs, and none ever did', 'scripts/install.sh, or picket-agent run')];
    return [
      wrong(
        'no agent runs: probes are not told, and blocks end without being renewed',
        'systemctl start picket-agent; why it ended: journalctl -u picket-agent -n 50',
      ),
    ];
  };
}

function runningFindings(status: Status, version: string): Finding[] {
  const { engine, firewall, stance, nowMs, startedAtMs, figures } = status;
  return [
    ok(
      `an agent runs since ${spanWords(nowMs - startedAtMs)}: engine ${engine}, firewall ${firewall}, process ${status.pid}`,
    ),
    ...(status.version === version
      ? []
      : [
          note(
            `the running agent is version ${status.version}, this program ${version}`,
            'systemctl restart picket-agent',
          ),
        ]),
    ...(stance.mode === 'enforce'
      ? []
      : [
          note(
            `mode: ${stanceWords(stance, nowMs)}`,
            'picket-agent resume ends a pause; mode = "enforce" in picket.toml, or picket network mode NETWORK enforce',
          ),
        ]),
    ...(figures.probesLost > 0
      ? [note(`${figures.probesLost} probes were not told since the start: more came than could be read`)]
      : []),
    ...uplinkFindings(status.uplink),
  ];
}

function uplinkFindings({ isEnrolled, pushFault, pullFault, spool }: Status['uplink']): Finding[] {
  const faults = isEnrolled ? [...new Set([pushFault, pullFault])].filter((why) => why !== undefined) : [];
  return [
    ...faults.map((why) =>
      wrong(`the agent cannot talk to its collector: ${why}`, 'see what is said of the collector below'),
    ),
    ...(spool?.isDiskFailing === true
      ? [
          wrong(
            'the disk does not take what waits for the collector',
            'see what is said of the state folder above',
          ),
        ]
      : []),
    ...(spool !== undefined && spool.lost > 0
      ? [note(`${spool.lost} sightings were given up for want of room`)]
      : []),
  ];
}
