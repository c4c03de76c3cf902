import { HOST, type Kind, type Stage } from './kind.ts';
import { hold, numbers, serve, talk } from './programs.ts';

const host = ({ lab }: Stage) => lab.node(HOST);

/** Rounds of a client that does not give up. */
const RETRIES = 10;

const again = <T>(value: T, times = RETRIES): T[] => Array.from({ length: times }, () => value);

const keepAlive: Kind = {
  name: 'keep-alive-resets',
  about: 'HTTP connections that are kept, then reset, some with a request on the way',
  run: async (stage) => {
    const { v4: to } = host(stage);
    const ends = ['rst', 'cut', 'fin'] as const;
    await talk(
      stage,
      'client',
      numbers(0, 30).map((i) => ({ to, port: 80, end: ends[i % 3] ?? 'fin', rounds: 3 })),
    );
  },
};

const idle: Kind = {
  name: 'idle-expiry',
  about: 'long-idle connections both ways that conntrack has forgotten; data and FIN follow',
  run: async (stage) => {
    const { v4, v6 } = host(stage);
    const outside = await serve(stage, { tcp: numbers(9_000, 15), node: 'client' });
    const client = stage.lab.node('client').v4;
    const calls = [v4, v6].flatMap((to) => again({ to, port: 80, end: 'hold' as const }));
    const inward = await hold(stage, 'client', calls);
    const outward = await hold(
      stage,
      HOST,
      numbers(9_000, 15).map((port) => ({ to: client, port, end: 'hold' })),
    );
    await stage.forget();
    await Promise.all([inward.kill('SIGUSR1'), outward.kill('SIGUSR1')]);
    await outside.stop();
  },
};

const restarted: Kind = {
  name: 'restarted-services',
  about:
    'clients of five services that restart: their connections break, and they try again while nothing listens',
  run: async (stage) => {
    const { v4: to } = host(stage);
    const ports = numbers(8_200, 5);
    const services = await serve(stage, { tcp: ports });
    const clients = await hold(
      stage,
      'client',
      ports.map((port) => ({ to, port, end: 'hold' })),
    );
    await services.stop();
    await talk(
      stage,
      'client',
      again(ports)
        .flat()
        .map((port) => ({ to, port })),
    );
    await clients.kill('SIGUSR1');
    const back = await serve(stage, { tcp: ports });
    await talk(
      stage,
      'client',
      ports.map((port) => ({ to, port })),
    );
    await back.stop();
  },
};

const monitoring: Kind = {
  name: 'monitoring',
  about: 'a monitoring system that checks twenty open ports each round, three rounds',
  run: async (stage) => {
    const { v4: to } = host(stage);
    const ports = numbers(7_000, 20);
    const services = await serve(stage, { tcp: ports });
    const round = ports.map((port) => ({ to, port, end: 'rst' as const, rounds: 1 }));
    for (let i = 0; i < 3; i++) await talk(stage, 'client', round);
    await services.stop();
  },
};

const happyEyeballs: Kind = {
  name: 'happy-eyeballs',
  about: 'a client that tries IPv6 first (RFC 8305), of five services that listen on IPv4 only',
  run: async (stage) => {
    const { v4, v6 } = host(stage);
    const ports = numbers(8_443, 5);
    const services = await serve(stage, { tcp: ports, bind: '0.0.0.0' });
    await stage.look();
    const visits = again(ports, 3)
      .flat()
      .flatMap((port) => [
        { to: v6, port },
        { to: v4, port },
      ]);
    await talk(stage, 'client', visits);
    await services.stop();
  },
};

const mistyped: Kind = {
  name: 'mistyped-port',
  about: 'a person who mistypes a port, and tries it ten times',
  run: (stage) => talk(stage, 'client', again({ to: host(stage).v4, port: 8_880 })),
};

const moved: Kind = {
  name: 'moved-services',
  about: 'SSH and HTTP clients that ask the old port every minute of an hour, and use the new one',
  run: async (stage) => {
    const { v4: to } = host(stage);
    const old = [2_222, 8_008].map((port) => ({ to, port }));
    await talk(stage, 'client', [{ to, port: 80 }, ...again(old, 60).flat(), { to, port: 22 }]);
  },
};

/** What clients of this host's services do. */
export const SERVICE_KINDS: readonly Kind[] = [
  keepAlive,
  idle,
  restarted,
  monitoring,
  happyEyeballs,
  mistyped,
  moved,
];
