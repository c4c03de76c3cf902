import type { Report } from '../agent-port.ts';
import type { Runner } from '../run/runner.ts';
import { eventReport, together } from './events.ts';
import { historyPath, openHistory } from './history.ts';
import { openReport, type ReportOptions } from './report.ts';
import { openEventWriter } from './structured.ts';

/** All that a host tells of itself: PortSentry's lines, the history, and structured lines where the policy wants them. */
export async function openReports(
  options: ReportOptions & { readonly run: Runner },
): Promise<Report & { close(): Promise<void> }> {
  const { policy, engine, firewall, enforces, log, run } = options;
  const lines = openReport(options);
  const history = await openHistory({ path: historyPath(policy.state_dir), log });
  const { json: form } = policy.report;
  const writer = form === 'off' ? undefined : openEventWriter({ form, run, pid: process.pid, log });
  const events = eventReport({
    ...{ engine, firewall, enforces, now: Date.now },
    take(event) {
      history.add(event);
      writer?.write(event);
    },
  });
  return {
    ...together([lines, events]),
    async close() {
      events.close();
      await Promise.all([lines.close(), history.flush(), writer?.close()]);
    },
  };
}
