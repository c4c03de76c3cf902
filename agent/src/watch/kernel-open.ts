import { TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';

/** A port that is served, though nft's `socket` expression may find no socket for a packet to it. */
export interface OpenPort {
  readonly transport: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}

/**
 * Keeps the kernel told which ports are open, beside the sockets that it finds itself: SCTP's, the virtual services of
 * IPVS, and those that listen on one address family only, which a client of both tries on the other first (RFC 8305). An
 * SCTP port opened since the last look is forgiven once its service has answered (chain `wrote`).
 */
export function createOpenPorts(run: Runner, read: () => Promise<readonly OpenPort[]>): () => Promise<void> {
  let told = '';
  return async () => {
    const elements = (await read()).map(({ transport, port }) => `${transport} . ${port}`);
    const ports = [...new Set(elements)].sort().join(', ');
    // Open ports are told each time: another program may have flushed the table meanwhile.
    if (ports === '' && told === '') return;
    const lines = [`flush set ${TABLE} open_more`];
    if (ports !== '') lines.push(`add element ${TABLE} open_more { ${ports} }`);
    const { status } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
    if (status === 0) told = ports;
  };
}
