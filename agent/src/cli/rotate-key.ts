import { rotatedSchema } from '../control/messages.ts';
import { controlPath, openControlSocket } from '../control/socket.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { connectionOf } from '../uplink/connection.ts';
import { collectorUrls } from '../uplink/endpoints.ts';
import { failure } from '../uplink/enrol-refusal.ts';
import { loadEnrolment, refusedUrl } from '../uplink/enrolment.ts';
import { createHttpClient } from '../uplink/http.ts';
import { loadIdentity } from '../uplink/identity.ts';
import { type RotateResult, rotateKey, rotationLimitMs } from '../uplink/rotate.ts';
import { openKeyFiles, settleKeys } from '../uplink/rotation-files.ts';
import { ask, complain, print } from './ask.ts';
import type { BadDay } from './pause.ts';
import { timeWords } from './words/time.ts';

/**
 * `picket-agent rotate-key`: this host gets a new key, through the agent when one runs. Doing it again after a fault goes
 * on where that came.
 *
 * @returns the exit status
 */
export async function rotateKeyCommand(policy: Policy, log: Log, { by }: BadDay): Promise<number> {
  const asked = await ask(policy, {
    ...{ method: 'POST', route: '/v1/rotate-key', body: { by }, schema: rotatedSchema },
    // The agent may be about to end another one first.
    moreMs: 2 * rotationLimitMs(policy.uplink.urls.length),
  });
  if (asked.ok) return print(words(asked.value.thumbprint, asked.value.formerUntilMs));
  if (asked.kind !== 'none') return complain({ why: `the key was not rotated: ${asked.why}` });
  const result = await withoutAgent(policy, log);
  if (!result.ok) return complain({ why: `the key was not rotated: ${result.message}` });
  return print(words(result.identity.thumbprint, result.formerUntilMs));
}

const words = (thumbprint: string, formerUntilMs: number): string =>
  `This host has a new key, ${thumbprint}. What it signed with the former one is taken until ${timeWords(formerUntilMs)}.`;

/** Under the socket of the state folder, so that no agent starts meanwhile. */
async function withoutAgent(policy: Policy, log: Log): Promise<RotateResult> {
  const { state_dir, uplink } = policy;
  const enrolment = await loadEnrolment(state_dir);
  if (enrolment === undefined) return failure('refused', 'This host is not enrolled.');
  const urls = collectorUrls(uplink.urls, enrolment);
  const plain = urls.map((url) => refusedUrl(url, uplink.allow_insecure_http)).find(Boolean);
  if (plain !== undefined) return failure('plain_http', plain);
  const lock = await openControlSocket(controlPath(state_dir), log);
  const http = createHttpClient(await connectionOf(policy));
  try {
    const files = openKeyFiles(state_dir);
    const identity = await settleKeys(await loadIdentity(state_dir), enrolment, files);
    if (identity.thumbprint !== enrolment.hostKey)
      return failure('refused', 'The key of this host is not the one that was enrolled: enrol it again.');
    return await rotateKey({ identity, enrolment, urls, http, files });
  } finally {
    await http.close();
    await lock?.close();
  }
}
