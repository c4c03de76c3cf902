import { v7 } from 'uuid';
import { createAgent } from '../agent.ts';
import type { Agent } from '../agent-port.ts';
import { bookPath } from '../blocks/book.ts';
import { createKeeper } from '../blocks/keeper.ts';
import { offencesPath, openOffences } from '../blocks/offences.ts';
import { createHandler } from '../control/handler.ts';
import { controlPath, openControlSocket } from '../control/socket.ts';
import { createAllowed } from '../host/allowed.ts';
import { collectorAddresses } from '../host/collector-addresses.ts';
import { readHostFacts } from '../host/facts.ts';
import { namesPath } from '../host/name-file.ts';
import { openNames, resolveName } from '../host/names.ts';
import { createSessions } from '../host/sessions.ts';
import { createNews } from '../loop/news.ts';
import type { Policy } from '../policy/policy.ts';
import { policyWarnings } from '../policy/warnings.ts';
import { historyPath } from '../report/history.ts';
import type { Log } from '../report/log.ts';
import { openReports } from '../report/open.ts';
import { openResponder, withResponder } from '../respond/open.ts';
import { runCommand } from '../run/runner.ts';
import { listLimits } from '../uplink/accept.ts';
import { connectionOf, hostsOnTheWay } from '../uplink/connection.ts';
import { refusePlainHttp } from '../uplink/endpoints.ts';
import { loadEnrolment } from '../uplink/enrolment.ts';
import { loadIdentity } from '../uplink/identity.ts';
import { readSavedList } from '../uplink/list-file.ts';
import { openKeyFiles, settleKeys } from '../uplink/rotation-files.ts';
import { readFileIfThere, removeHalfWritten, replaceFile } from '../uplink/state-file.ts';
import { openStateFolder } from '../uplink/state-folder.ts';
import { startUplink, type Uplink } from '../uplink/uplink.ts';
import { AGENT_VERSION } from '../version.ts';
import { openStanceFiles, stateFile } from './people.ts';
import { chooseParts } from './setup.ts';
import { statusReader } from './status-reader.ts';

/** Longest an orderly end may take, ms: service managers lose patience after some ten times that. */
const STOP_LIMIT_MS = 8_000;

/**
 * Puts the parts together and runs until SIGTERM or SIGINT. Detection and blocking come first and need no collector;
 * the table stays in the kernel when the agent ends, so that a restart opens nothing.
 *
 * @returns the exit status
 */
export async function runCommandLine(policy: Policy, log: Log): Promise<number> {
  await openStateFolder(policy.state_dir);
  // Whoever holds the socket has the folder to itself.
  const control = await openControlSocket(controlPath(policy.state_dir), log);
  await removeHalfWritten(policy.state_dir);
  const [key, enrolment] = await Promise.all([
    loadIdentity(policy.state_dir),
    loadEnrolment(policy.state_dir),
  ]);
  if (enrolment !== undefined) refusePlainHttp(policy.uplink, enrolment);
  const identity = await settleKeys(key, enrolment, openKeyFiles(policy.state_dir));
  const { engine, firewall, clearOthers } = await chooseParts(policy, log);
  for (const words of policyWarnings(policy, engine.name)) log.warn(words);
  const { stance, lifted, allowances } = await openStanceFiles(policy, log);
  // A host of a network in observe mode must not refuse anybody until it has its list again.
  const saved = await readSavedList(policy.state_dir);
  if (saved?.networkId === enrolment?.networkId) stance.setNetwork(saved?.observe);
  const enforces = (): boolean => firewall.enforces && agent.stance().mode === 'enforce';
  const reports = await openReports({
    ...{ policy, engine: engine.name, firewall: firewall.name, enforces, log, run: runCommand },
  });
  const responder = openResponder({
    ...{ policy, engine: engine.name, enforces, log },
    ran: ({ source, command }) => log.info('the command of the policy ran', { source, command }),
  });
  const report = { ...reports, ...withResponder(reports, responder) };
  const book = bookPath(policy.state_dir);
  const keeper = createKeeper({
    firewall,
    load: () => readFileIfThere(book),
    save: (text) => replaceFile(book, text),
    now: Date.now,
    log,
    firstBlockMs: policy.block.duration,
    newId: v7,
  });
  const nameFile = namesPath(policy.state_dir);
  const names = await openNames({
    ...{ resolve: resolveName, now: Date.now, log: (message: string) => log.warn(message) },
    load: () => readFileIfThere(nameFile),
    save: (text) => replaceFile(nameFile, text),
  });
  // Names of sessions are another matter than those of the policy: none of them is kept.
  const ofSessions = await openNames({ resolve: resolveName, now: Date.now, log: () => {} });
  const sessions = createSessions({
    ...{ run: runCommand, names: ofSessions, log: (message: string) => log.warn(message) },
  });
  const collectors = collectorAddresses(hostsOnTheWay(policy, enrolment?.url), names);
  const { sources } = policy.allow;
  const allowed = createAllowed({ sources, scanners: policy.scanner, names, now: Date.now });
  const past = stateFile(offencesPath(policy.state_dir), log);
  const offences = await openOffences({ escalation: policy.block, ...past });
  // What the agent tells before its uplink is up waits there.
  const news = createNews(keeper, log);
  let uplink: Uplink | undefined;
  const agent: Agent = createAgent({
    ...{ policy, engine, firewall, keeper, stance, lifted, allowances, offences, responder, log },
    report: {
      ...report,
      mode(now) {
        report.mode(now);
        uplink?.tellSoon();
      },
      limiting(isLimiting) {
        report.limiting(isLimiting);
        uplink?.tellSoon();
      },
    },
    now: Date.now,
    newId: v7,
    readFacts: readHostFacts,
    collectors: async () => collectors(),
    allowed: async () => allowed(),
    sessions: async () => (policy.allow.sessions ? sessions.addresses() : []),
    send: news.send,
  });
  const startedAtMs = Date.now();
  await agent.start();
  // What agents of before left in other firewalls nobody would ever end.
  void clearOthers();
  const refresh = (): void =>
    void agent.refresh().catch((error) => log.error('who is protected could not be read', { error }));
  // What changed while it started was noticed by nobody.
  refresh();
  const watches = [names.watch(refresh), ...(policy.allow.sessions ? [sessions.watch(refresh)] : [])];
  uplink = await startUplink({
    ...{ stateDir: policy.state_dir, identity, enrolment, log },
    ...{ connect: () => connectionOf(policy), settings: policy.uplink },
    neverBlockFacts: () => agent.neverBlockFacts(),
    limits: listLimits(policy),
    applyBlockList: (list) => agent.applyShared(list),
    status: () => ({
      ...{ agentVersion: AGENT_VERSION, engine: engine.name, firewall: firewall.name, startedAtMs },
      ...statusOf(agent),
    }),
  });
  // Nobody's list is to stay in force on a host that runs alone.
  if (!uplink.status().isEnrolled || saved === undefined) keeper.setShared(new Map());
  control?.serve(
    createHandler({
      ...{ policy, agent, stance, enforces, now: Date.now, history: historyPath(policy.state_dir) },
      rotateKey: uplink.rotateKey,
      status: statusReader({ startedAtMs, engine, firewall, enforces, agent, uplink, enrolment }),
    }),
  );
  news.open(uplink);
  log.info('watching', { engine: engine.name, firewall: firewall.name, version: AGENT_VERSION });

  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  log.info(`ending on ${signal}; blocks stay in force`);
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
  for (const end of watches) end();
  for (const each of [names, ofSessions]) each.close();
  await control?.close();
  await agent.stop();
  await news.close();
  await keeper.settle('book').catch(() => {});
  await uplink.stop();
  await keeper.close();
  await report.close();
  return 0;
}

/** What the agent tells of itself, as it crosses the wire. */
function statusOf(agent: Agent) {
  const { isLimiting, ...status } = agent.status();
  return { ...status, ...(isLimiting && { limiting: true }) };
}
