import { existsSync } from 'node:fs';
import type { Asked } from '../control/client.ts';
import { type Status, statusSchema } from '../control/messages.ts';
import { clockFinding } from '../doctor/clock.ts';
import { type CollectorResult, checkCollector } from '../doctor/collector.ts';
import { engineCheck } from '../doctor/engines.ts';
import { examine, exitStatus } from '../doctor/examine.ts';
import { type Area, type Check, type Finding, findings } from '../doctor/finding.ts';
import { firewallCheck, type SurveyFirewalls } from '../doctor/firewalls.ts';
import { tryApart } from '../doctor/hook/apart.ts';
import { loadedTable, tryHere } from '../doctor/hook/here.ts';
import { hookCheck } from '../doctor/hook/hook.ts';
import { hostFiles, hostKeyOf, stateFolder } from '../doctor/on-disk.ts';
import { policyCheck } from '../doctor/policy.ts';
import { privilegesCheck } from '../doctor/privileges.ts';
import { findingJson, findingLines } from '../doctor/render.ts';
import { agentCheck } from '../doctor/running-agent.ts';
import { softwareCheck } from '../doctor/software.ts';
import { stateCheck } from '../doctor/state.ts';
import { systemCheck } from '../doctor/system.ts';
import { type Transcript, transcribe } from '../doctor/transcript.ts';
import { createWay } from '../doctor/way.ts';
import { loadPolicy, PolicyError } from '../policy/load.ts';
import { type Policy, policySchema } from '../policy/policy.ts';
import { runCommand } from '../run/runner.ts';
import { connectionOf } from '../uplink/connection.ts';
import { collectorUrls } from '../uplink/endpoints.ts';
import { loadEnrolment } from '../uplink/enrolment.ts';
import { UplinkError } from '../uplink/errors.ts';
import { createHttpClient } from '../uplink/http.ts';
import { identityPath } from '../uplink/identity.ts';
import { AGENT_VERSION } from '../version.ts';
import { DEFAULT_CONFIG } from './args.ts';
import { ask, print } from './ask.ts';
import { doctorParts } from './doctor-parts.ts';

/** What `picket-agent doctor` is asked for. */
export interface DoctorCall {
  readonly config: string;
  readonly json: boolean;
  readonly transcript: boolean;
}

/**
 * `picket-agent doctor`: looks at all that can keep Picket from working on this host, and says what to do. It changes
 * nothing but a block of its own, of an address of documentation, for a moment.
 *
 * @returns the exit status: 1 when something is wrong
 */
export async function doctorCommand({ config, json, transcript }: DoctorCall): Promise<number> {
  const script = transcribe(runCommand);
  const { policy, fault } = await readPolicy(config);
  const asked = await ask(policy, { method: 'GET', route: '/v1/status', schema: statusSchema });
  const policyFacts = { file: config, isThere: existsSync(config), fault, mode: policy.mode };
  const found = await examine({
    policy: policyCheck(policyFacts),
    ...(await hostChecks(policy, asked, script)),
    ...collectorChecks(policy, asked),
  });
  print(...(json ? [findingJson(found)] : findingLines(found)));
  if (transcript) print('', `picket-agent ${AGENT_VERSION} doctor --transcript`, '', ...script.lines());
  return exitStatus(found);
}

/** The policy; where it cannot be used the defaults, and why. */
async function readPolicy(config: string): Promise<{ policy: Policy; fault: string | undefined }> {
  try {
    return { policy: await loadPolicy(config, config === DEFAULT_CONFIG), fault: undefined };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return { policy: policySchema.parse({}), fault: error.message };
  }
}

/** What is looked at on the host itself. */
async function hostChecks(
  policy: Policy,
  asked: Asked<Status>,
  script: Transcript,
): Promise<Partial<Record<Area, Check>>> {
  const { run } = script;
  const { openFirewall, whyNotEngine, ...parts } = await doctorParts(policy, run);
  let surveyed: ReturnType<SurveyFirewalls> | undefined;
  const survey: SurveyFirewalls = () => {
    surveyed ??= parts.survey();
    return surveyed;
  };
  const files = hostFiles(script.read);
  const status = asked.ok ? asked.value : undefined;
  const wanted = policy.block.firewall;
  return {
    system: systemCheck(run, process.versions.node),
    privileges: privilegesCheck(files, status?.pid),
    state: stateCheck(stateFolder(policy)),
    firewall: firewallCheck(survey, wanted),
    hook: hookCheck({
      survey,
      agent: status && { firewall: status.firewall, enforces: status.enforces },
      wanted: wanted === 'auto' ? undefined : wanted,
      loaded: () => loadedTable(run),
      tryHere: () => tryHere(run),
      tryApart: (name) => tryApart(name, run, openFirewall),
    }),
    engine: engineCheck({
      whyNot: whyNotEngine,
      wanted: policy.watch.engine,
      running: status?.engine,
      nflogGroup: policy.kernel.nflog_group,
      read: files.read,
    }),
    agent: agentCheck({
      asked,
      version: AGENT_VERSION,
      wasSetUp: existsSync(identityPath(policy.state_dir)),
    }),
    software: softwareCheck(files),
  };
}

/** The way to the collector, and what its clock says. */
function collectorChecks(policy: Policy, asked: Asked<Status>): Partial<Record<Area, Check>> {
  let result: CollectorResult | undefined;
  return {
    async collector(): Promise<readonly Finding[]> {
      const enrolment = await loadEnrolment(policy.state_dir).catch((error: Error) => error);
      if (enrolment instanceof Error) return [enrolmentFault(enrolment)];
      const connection = await connectionOf(policy).catch((error: Error) => error);
      if (connection instanceof Error) return [enrolmentFault(connection)];
      const http = createHttpClient(connection);
      const hostKey = await hostKeyOf(policy.state_dir);
      const allowInsecureHttp = policy.uplink.allow_insecure_http;
      const way = createWay(http, connection.trust);
      const { proxy } = connection;
      for (const url of enrolment === undefined ? [''] : collectorUrls(policy.uplink.urls, enrolment)) {
        const at = enrolment && { ...enrolment, url };
        const found = await checkCollector({ enrolment: at, hostKey, allowInsecureHttp, proxy, way });
        result = {
          offset: found.offset ?? result?.offset,
          findings: [...(result?.findings ?? []), ...found.findings],
        };
      }
      await http.close();
      return result?.findings ?? [];
    },
    async clock() {
      const uplink = asked.ok ? asked.value.uplink : undefined;
      const isSigned = uplink?.lastContactMs !== undefined;
      const signed = isSigned ? { offsetMs: uplink?.clockOffsetMs ?? 0, isSigned } : undefined;
      return [clockFinding(signed ?? result?.offset)];
    },
  };
}

function enrolmentFault(error: Error): Finding {
  const { note, wrong } = findings('collector');
  if (error instanceof UplinkError)
    return wrong(
      error.message,
      error.code === 'ERR_CA_FILE' ? 'set uplink.ca_file right' : 'picket-agent enroll',
    );
  return note(`whether this host is enrolled cannot be seen: ${error.message}`, 'run this as root');
}
