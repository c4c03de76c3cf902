import { readFile } from 'node:fs/promises';
import { arch, hostname, release, type } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import type { Policy } from '../policy/policy.ts';
import { connectionOf } from '../uplink/connection.ts';
import { enrol } from '../uplink/enrol.ts';
import type { EnrolFailureCode } from '../uplink/enrol-refusal.ts';
import { type Enrolment, loadEnrolment } from '../uplink/enrolment.ts';
import { createHttpClient } from '../uplink/http.ts';
import { loadIdentity } from '../uplink/identity.ts';
import { openKeyFiles, settleKeys } from '../uplink/rotation-files.ts';
import { AGENT_VERSION } from '../version.ts';

/** What an enrolment was asked for. */
export interface EnrollCall {
  readonly joinKeyFile: string | undefined;
  /** This machine becomes a new host, with a key of its own. */
  readonly newIdentity: boolean;
}

/**
 * Enrols this host with a join key from a file, standard input (`-`) or a prompt: never from the command line, which
 * process lists and sudo logs keep. With the key that it has it stays the host that it is.
 *
 * @returns the exit status
 */
export async function enrollCommand(policy: Policy, call: EnrollCall): Promise<number> {
  const { state_dir, uplink } = policy;
  const joinKey = await readJoinKey(call.joinKeyFile);
  const before = await loadEnrolment(state_dir).catch(() => undefined);
  const files = openKeyFiles(state_dir);
  const present = await settleKeys(await loadIdentity(state_dir), before, files);
  // The same new key until it worked: an answer that was lost must not use up another join key.
  const identity = call.newIdentity ? ((await files.candidate('new')) ?? (await files.make('new'))) : present;
  const http = createHttpClient(await connectionOf(policy));
  try {
    const result = await enrol({
      ...{ stateDir: state_dir, identity, joinKey, host: ownFacts(), http, urls: uplink.urls },
      allowInsecureHttp: uplink.allow_insecure_http,
    });
    if (!result.ok) {
      process.stderr.write(`picket-agent: not enrolled: ${result.message}${hint(policy, result.code)}\n`);
      return 1;
    }
    if (call.newIdentity) {
      await files.promote('new');
      await files.discard('next');
    }
    process.stdout.write(`${enrolledWords(result.enrolment, before).join('\n')}\n`);
    return 0;
  } finally {
    await http.close();
  }
}

const ownFacts = () => ({
  hostName: hostname(),
  os: `${type()} ${release()}`.slice(0, 64),
  arch: arch(),
  agentVersion: AGENT_VERSION,
});

/** A service has no such variables, so what works in a shell would not work there. */
function hint({ uplink }: Policy, code: EnrolFailureCode): string {
  const isSet = ['https_proxy', 'HTTPS_PROXY'].some((name) => process.env[name]);
  if (code !== 'unreachable' || uplink.proxy !== '' || !isSet) return '';
  return ' HTTPS_PROXY is not read: set proxy under [uplink] in the config file.';
}

function enrolledWords({ networkName, hostId }: Enrolment, before: Enrolment | undefined): string[] {
  const isOther = before !== undefined && before.hostId !== hostId;
  return [
    `Enrolled as a host of network "${networkName}".`,
    ...(isOther
      ? [
          `It is a new host there. Blocks in force stay. What host ${before.hostId} has in the spool goes on under that`,
          'name; what the collector does not take of it is put aside into the folder "rejected".',
        ]
      : []),
    'An agent that runs already takes this enrolment after a restart of its service.',
  ];
}

async function readJoinKey(file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') return readFile(file, 'utf8');
  if (file === '-' || !process.stdin.isTTY) return text(process.stdin);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question('Join key: ');
  } finally {
    terminal.close();
  }
}
