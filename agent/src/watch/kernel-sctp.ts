import { TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';

/**
 * Keeps the kernel told which SCTP ports are open: nft's socket expression knows TCP and UDP only. Most hosts have none,
 * and then nothing is done. A port opened since the last look is forgiven once its service has answered (`wrote`).
 */
export function createSctpPorts(run: Runner, read: () => Promise<ReadonlySet<number>>): () => Promise<void> {
  let told = '';
  return async () => {
    const ports = [...(await read())].sort((a, b) => a - b).join(', ');
    // Open ports are told each time: another program may have flushed the table meanwhile.
    if (ports === '' && told === '') return;
    const lines = [`flush set ${TABLE} open_sctp`];
    if (ports !== '') lines.push(`add element ${TABLE} open_sctp { ${ports} }`);
    const { status } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
    if (status === 0) told = ports;
  };
}
