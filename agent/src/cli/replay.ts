import type { Policy } from '../policy/policy.ts';
import { renderReplay } from '../replay/render.ts';
import { replay } from '../replay/replay.ts';
import type { ReplayCall } from './replay-args.ts';

/**
 * Says what would have tripped in a capture, and changes nothing.
 *
 * @returns 1 when the file could not be read to its end
 */
export async function replayCommand(policy: Policy, call: ReplayCall): Promise<number> {
  const { file, own, open, ephemeral, json } = call;
  const result = await replay({ file, policy, own, open, ephemeral });
  const text = json ? `${JSON.stringify(result, undefined, 2)}\n` : renderReplay(result, policy.threshold);
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  if (result.cut === undefined) return 0;
  process.stderr.write(`picket-agent: ${file}: ${result.cut}; what was read until then is told\n`);
  return 1;
}
