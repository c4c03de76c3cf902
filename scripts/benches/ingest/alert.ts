/** A scenario of CrowdSec's hub as Debian ships it (scenarios/crowdsecurity/iptables-scan-multi_ports.yaml). */
export const SCENARIO = 'crowdsecurity/iptables-scan-multi_ports';

/** Distinct ports that make one scan there: its capacity and one. */
const EVENTS = 16;

/**
 * One scanner's scan as CrowdSec's agent reports it (AddAlertsRequest of pkg/models/localapi_swagger.yaml): the sixteen log
 * lines that tripped the scenario, each with what the parsers of Debian's version keep of it.
 */
export function alertOf(source: string, machine: string, atMs: number): object {
  const at = new Date(atMs).toISOString();
  const meta = {
    datasource_path: '/var/log/kern.log',
    datasource_type: 'file',
    log_type: 'iptables_drop',
    machine,
    service: 'tcp',
    source_ip: source,
    timestamp: at,
  };
  const items = Object.entries(meta).map(([key, value]) => ({ key, value }));
  return {
    ...{ capacity: EVENTS - 1, events_count: EVENTS, leakspeed: '5s', simulated: false, remediation: true },
    ...{ decisions: null, labels: null, start_at: at, stop_at: at },
    ...{ scenario: SCENARIO, scenario_hash: '1cdc6ea0', scenario_version: '0.2' },
    message: `Ip ${source} performed '${SCENARIO}' (${EVENTS} events over 1.5s) at ${at}`,
    source: { ip: source, scope: 'Ip', value: source },
    events: Array.from({ length: EVENTS }, () => ({ timestamp: at, meta: items })),
  };
}
