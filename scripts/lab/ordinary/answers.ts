import { macOf, sendFrames } from '../../benches/lab/replay.ts';
import { frame, tcp } from '../frames.ts';
import { HOST, type Kind, type Stage } from './kind.ts';
import { hold, numbers, send, serve, talk } from './programs.ts';

const addresses = ({ lab }: Stage) => ({ client: lab.node('client').v4, own: lab.node(HOST).v4 });

/** Ports of a resolver that takes its source ports from nearly all there are, as unbound and BIND do. */
const RESOLVER_PORTS = numbers(10_053, 20);

const lateDns: Kind = {
  name: 'dns-late-answers',
  about: 'DNS answers that come when the asking socket is closed and conntrack has forgotten it',
  run: async (stage) => {
    const { client, own } = addresses(stage);
    const ports = [...RESOLVER_PORTS, ...numbers(40_000, 20)];
    await send(
      stage,
      HOST,
      ports.map((fromPort) => ({ to: client, port: 53, fromPort })),
    );
    await stage.lab.exec(HOST, ['conntrack', '-F']);
    await send(
      stage,
      'client',
      ports.map((port) => ({ to: own, port, from: client, fromPort: 53, waitMs: 1 })),
    );
  },
};

const refused: Kind = {
  name: 'refused-connects',
  about: 'this host asks closed TCP and UDP ports of others, and is refused',
  run: async (stage) => {
    const { client } = addresses(stage);
    await talk(
      stage,
      HOST,
      numbers(600, 40).map((port) => ({ to: client, port })),
    );
    await send(
      stage,
      HOST,
      numbers(600, 10).map((port, i) => ({ to: client, port, fromPort: 20_000 + i })),
    );
  },
};

const killed: Kind = {
  name: 'killed-client',
  about:
    'data on the way to a process of this host that is killed, from its ephemeral and from reserved ports',
  run: async (stage) => {
    const { client, own } = addresses(stage);
    const server = await serve(stage, { tcp: [9_100], node: 'client', pushMs: 2 });
    const calls = [...numbers(900, 15), ...numbers(50_000, 15)].map((fromPort) => ({
      ...{ to: client, port: 9_100, from: own, fromPort, end: 'hold' as const },
    }));
    const process = await hold(stage, HOST, calls);
    await stage.lab.exec(HOST, ['conntrack', '-F']);
    await process.kill('SIGKILL');
    await server.stop();
  },
};

/** Where the forged flood goes, and from there its answers to this host. */
const FLOODED = 'collector';

const backscatter: Kind = {
  name: 'backscatter',
  about: "answers to somebody's flood forged in this host's name: SYN/ACK, RST/ACK, RST and ICMP unreachable",
  run: async (stage) => {
    const { lab, flood } = stage;
    const service = await serve(stage, { tcp: [443], node: FLOODED });
    // Linux sends few ICMP errors to one address (icmp_ratelimit); here they come as from many machines.
    const all = ['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'];
    await lab.mustExec(FLOODED, all);
    const [fromMac, toMac] = [await macOf(lab, 'scanner'), await macOf(lab, FLOODED)];
    const head = { fromMac, toMac, from: lab.node(HOST).v4, to: lab.node(FLOODED).v4 };
    const frames = Array.from({ length: flood }, (_, i) => {
      const port = 1_024 + ((i * 7_919) % 64_000);
      const kinds = [tcp(port, 443), tcp(port, 81), tcp(port, 81, 0x10), datagram(port, 82)];
      return frame(head, kinds[i % kinds.length] ?? tcp(port, 443));
    });
    await sendFrames(lab, 'scanner', frames, { perSecond: 2_000, name: 'forged-flood' });
    await service.stop();
  },
};

/** An empty UDP datagram. */
function datagram(fromPort: number, toPort: number) {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(fromPort, 0);
  bytes.writeUInt16BE(toPort, 2);
  bytes.writeUInt16BE(8, 4);
  return { protocol: 17, bytes, checksumAt: 6 };
}

/** What comes back to this host, asked for or not. */
export const ANSWER_KINDS: readonly Kind[] = [lateDns, refused, killed, backscatter];
