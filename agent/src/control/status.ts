import type { AgentFigures } from '../agent-port.ts';
import type { Enrolment } from '../uplink/enrolment.ts';
import type { UplinkStatus } from '../uplink/uplink.ts';
import { AGENT_VERSION } from '../version.ts';
import type { Status } from './messages.ts';

/** Puts the status of a running agent together. */
export function statusMessage(
  parts: Omit<Status, 'version' | 'pid' | 'figures' | 'uplink'> & {
    figures: AgentFigures;
    uplink: UplinkStatus | undefined;
    enrolment: Enrolment | undefined;
  },
): Status {
  const { uplink, enrolment, ...rest } = parts;
  return { version: AGENT_VERSION, pid: process.pid, ...rest, uplink: uplinkMessage(uplink, enrolment) };
}

function uplinkMessage(uplink: UplinkStatus | undefined, enrolment: Enrolment | undefined): Status['uplink'] {
  const { isEnrolled = enrolment !== undefined, lastContactMs, pushFault, pullFault, spool } = uplink ?? {};
  const { version = 0, entries = 0, refused = {} } = uplink?.blockList ?? {};
  return {
    ...{ isEnrolled, network: enrolment?.networkName, collector: enrolment?.url },
    ...{ lastContactMs, pushFault, pullFault, clockOffsetMs: uplink?.clockOffsetMs ?? 0 },
    ...{ listVersion: version, listEntries: entries, listRefused: { ...refused } },
    spool: spool && {
      ...{ batches: spool.batches, bytes: spool.diskBytes, isDiskFailing: spool.isDiskFailing },
      lost: spool.lost + (uplink?.sightingsLost ?? 0),
    },
  };
}
