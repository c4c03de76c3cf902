import type { Context } from '../bench.ts';
import type { Who } from './who.ts';

/** Makes somebody ready and tells how it differs from its defaults. False, with a remark, when it cannot be had. */
export async function isReady(context: Context, who: Who): Promise<boolean> {
  const missing = await who.prepare();
  if (missing !== undefined) context.remark(`${who.name}: ${missing}`);
  else for (const { setting, why } of who.settings) context.deviates(`${who.name}: ${setting}`, why);
  return missing === undefined;
}
