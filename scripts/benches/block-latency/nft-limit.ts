import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openVictimLab, VICTIM } from '../lab/victim.ts';
import type { Row } from '../result.ts';

/** The limit: nft alone, the same number of elements with ends, in one transaction. */
export async function loadByNft(theCase: string, count: number): Promise<Row[]> {
  const lab = await openVictimLab();
  try {
    const file = join(lab.folder, 'limit.nft');
    await writeFile(file, script(count));
    const startMs = performance.now();
    await lab.mustExec(VICTIM, ['nft', '-f', file]);
    const value = Math.round(performance.now() - startMs) / 1_000;
    return [{ case: theCase, who: 'nft-f', metric: 'seconds', unit: 's', value }];
  } finally {
    await lab.close();
  }
}

/** Two hash sets of half of them each, as tiers are. */
function script(count: number): string {
  const element = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255} timeout 4h`;
  const set = (name: string, rest: number) => {
    const own = Array.from({ length: count / 2 }, (_, n) => element(n * 2 + rest));
    return `set ${name} { type ipv4_addr; size 131072; flags timeout; elements = { ${own.join(', ')} } }`;
  };
  return `table inet bulk {\n  ${set('held', 0)}\n  ${set('dropped', 1)}\n}\n`;
}
