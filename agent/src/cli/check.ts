import { formatNeed, needsOf } from '../policy/needs.ts';
import type { Policy } from '../policy/policy.ts';
import { policyWarnings } from '../policy/warnings.ts';
import type { Log } from '../report/log.ts';
import { connectionOf } from '../uplink/connection.ts';
import { collectorUrls, refusePlainHttp } from '../uplink/endpoints.ts';
import { loadEnrolment } from '../uplink/enrolment.ts';
import { chooseParts } from './setup.ts';

/**
 * Says what `run` would do with this policy on this host, and changes nothing.
 *
 * @param needsOnly prints just what the service takes beyond the least, one thing a line, for the installer
 * @returns the exit status
 */
export async function checkCommand(policy: Policy, log: Log, needsOnly: boolean): Promise<number> {
  const { engine, firewall } = await chooseParts(policy, log);
  if (needsOnly) {
    const needs = needsOf(policy, { engine: engine.name, firewall: firewall.name });
    process.stdout.write(needs.map((need) => `${formatNeed(need)}\n`).join(''));
    return 0;
  }
  const enrolment = await loadEnrolment(policy.state_dir);
  if (enrolment !== undefined) refusePlainHttp(policy.uplink, enrolment);
  await connectionOf(policy);
  const { threshold, block } = policy;
  const lines = [
    `engine:    ${engine.name}`,
    `firewall:  ${firewall.name}${firewall.enforces ? '' : ' (refuses nothing, only tells)'}`,
    `mode:      ${policy.mode === 'enforce' ? 'enforce' : 'observe: all is told, nobody is blocked'}`,
    `threshold: ${threshold.ports} distinct unused ports within ${threshold.window / 1000} s; ${threshold.client_ports} of a known client, ${threshold.weak_ports} of weak evidence alone`,
    `block:     ${block.duration / 1000} s, established connections: ${block.established}`,
    `network:   ${enrolment === undefined ? 'none: this host runs alone' : `"${enrolment.networkName}" at ${collectorUrls(policy.uplink.urls, enrolment).join(', then ')}`}`,
  ];
  const warnings = policyWarnings(policy, engine.name).map((words) => `note:      ${words}`);
  process.stdout.write(`${[...lines, ...warnings].join('\n')}\n`);
  return 0;
}
