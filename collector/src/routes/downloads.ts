import type { Deps } from '../deps.ts';
import { replyUnavailable } from './reply.ts';

/** `GET /install.sh`: the installer with this collector's address and the agent's checksum pinned in it. */
export async function getInstallScript({ downloads, publicUrl }: Deps): Promise<Response> {
  const [script, agent] = await Promise.all([downloads.installScript(), downloads.agent()]);
  if (script === undefined) return missing('install.sh', 'PICKET_INSTALL_SCRIPT');
  if (agent === undefined) return missing('the agent', 'PICKET_AGENT_FILE');
  const pinned = script
    .replaceAll('@PICKET_URL@', shellSafe(publicUrl))
    .replaceAll('@AGENT_SHA256@', shellSafe(await sha256Hex(agent)));
  return new Response(pinned, { headers: { 'content-type': 'text/x-shellscript; charset=utf-8' } });
}

/** `GET /agent.mjs`: the bundled agent. */
export async function getAgent({ downloads }: Deps): Promise<Response> {
  const agent = await downloads.agent();
  if (agent === undefined) return missing('the agent', 'PICKET_AGENT_FILE');
  return new Response(new Uint8Array(agent), {
    headers: { 'content-type': 'text/javascript; charset=utf-8' },
  });
}

function missing(what: string, variable: string): Response {
  return replyUnavailable(`${what} is not there: build the project, or set ${variable}`, 60);
}

/**
 * A value that means itself inside any quotes of a shell, and outside of them: letters, digits and `:/._-[]`. The
 * configuration was checked for the same; a script that runs as root on every host is worth a second look.
 */
export function shellSafe(value: string): string {
  if (!/^[\w:/.[\]-]+$/.test(value)) throw new TypeError(`"${value}" must not go into a shell script`);
  return value;
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
