import { readFile } from 'node:fs/promises';
import { arch, hostname, release, type } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import type { Policy } from '../policy/policy.ts';
import { enrol } from '../uplink/enrol.ts';
import { createHttpClient } from '../uplink/http.ts';
import { loadIdentity } from '../uplink/identity.ts';
import { AGENT_VERSION } from '../version.ts';

/**
 * Enrols this host with a join key from a file, standard input (`-`) or a prompt: never from the command line, which
 * process lists and sudo logs keep.
 *
 * @returns the exit status
 */
export async function enrollCommand(policy: Policy, joinKeyFile: string | undefined): Promise<number> {
  const joinKey = await readJoinKey(joinKeyFile);
  const identity = await loadIdentity(policy.state_dir);
  const http = createHttpClient();
  try {
    const result = await enrol({
      stateDir: policy.state_dir,
      identity,
      joinKey,
      host: {
        hostName: hostname(),
        os: `${type()} ${release()}`.slice(0, 64),
        arch: arch(),
        agentVersion: AGENT_VERSION,
      },
      allowInsecureHttp: policy.uplink.allow_insecure_http,
      http,
    });
    if (!result.ok) {
      process.stderr.write(`picket-agent: not enrolled: ${result.message}\n`);
      return 1;
    }
    process.stdout.write(
      `Enrolled as a host of network "${result.enrolment.networkName}".\n` +
        'An agent that runs already takes this enrolment after a restart of its service.\n',
    );
    return 0;
  } finally {
    await http.close();
  }
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
