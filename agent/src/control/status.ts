import type { AgentFigures } from '../agent-port.ts';
import type { Enrolment } from '../uplink/enrolment.ts';
import type { UplinkStatus } from '../uplink/uplink.ts';
import { AGENT_VERSION } from '../version.ts';
import type { Status } from './messages.ts';

/** Puts the status of a running agent together. */
export function statusMessage(
  parts: Omit<Status, 'version' | 'pid' | 'figures' | 'uplink'> & {
    figures: AgentFigures;
    uplink: UplinkStatus;
    enrolment: Enrolment | undefined;
  },
): Status {
  const { uplink, enrolment, figures, ...rest } = parts;
  return {
    ...{ version: AGENT_VERSION, pid: process.pid, ...rest },
    figures: { ...figures, allowances: [...figures.allowances] },
    uplink: uplinkMessage(uplink, enrolment),
  };
}

function uplinkMessage(uplink: UplinkStatus, enrolment: Enrolment | undefined): Status['uplink'] {
  const { isEnrolled, lastContactMs, pushFault, pullFault, clockOffsetMs, spool } = uplink;
  const { version, entries, refused, refusedLists } = uplink.blockList;
  return {
    ...{ isEnrolled, network: enrolment?.networkName, collector: uplink.url ?? enrolment?.url },
    ...{ lastContactMs, pushFault, pullFault, clockOffsetMs },
    ...{ listVersion: version, listEntries: entries, listRefused: { ...refused } },
    ...{ rejected: uplink.rejected, ...(refusedLists && { listsRefused: refusedLists }) },
    spool: spool && {
      ...{ batches: spool.batches, bytes: spool.diskBytes, isDiskFailing: spool.isDiskFailing },
      lost: spool.lost + uplink.sightingsLost,
    },
  };
}
