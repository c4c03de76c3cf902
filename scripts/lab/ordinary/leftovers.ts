import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST, type Kind, type Stage } from './kind.ts';
import { numbers, send, serve, talk } from './programs.ts';
import { record } from './record.ts';

/** What a late packet can be: anything but the beginning of a connection. */
const LATE = 'tcp[tcpflags] & tcp-syn == 0 or udp src port 53';

/** Talks that end in order: with services of this host, with services of others, and with a resolver. */
async function endedTalks(stage: Stage): Promise<void> {
  const { lab } = stage;
  const [own, client] = [lab.node(HOST).v4, lab.node('client').v4];
  const ports = numbers(8_300, 5);
  const services = await serve(stage, { tcp: ports });
  const others = await serve(stage, { tcp: [9_200], udp: [53], node: 'client', bind: '0.0.0.0' });
  const calls = [22, 80, ...ports].flatMap((port) => [
    { to: own, port },
    { to: own, port, end: 'rst' as const },
  ]);
  await talk(stage, 'client', calls);
  await talk(
    stage,
    HOST,
    numbers(0, 20).map((i) => ({ to: client, port: 9_200, end: i % 2 ? 'rst' : 'fin' })),
  );
  await send(
    stage,
    HOST,
    numbers(40_100, 20).map((fromPort) => ({ to: client, port: 53, fromPort })),
  );
  await services.stop();
  await others.stop();
}

const leftovers: Kind = {
  name: 'late-leftovers',
  about:
    'FIN, ACK, RST and DNS answers of ended talks come again 130, 300 and 900 s later, with conntrack empty',
  run: async (stage) => {
    const { lab } = stage;
    const recording = await record(lab, HOST, 'leftovers', ['-Q', 'in']);
    await endedTalks(stage);
    const all = await recording.stop();
    const [late, sound] = [join(lab.folder, 'late.pcap'), join(lab.folder, 'late-sound.pcap')];
    await lab.mustExec(HOST, [
      'tcpdump',
      '-r',
      all,
      '-w',
      late,
      '-Z',
      'root',
      `(${LATE}) and src host ${lab.node('client').v4}`,
    ]);
    // What leaves a veth has its checksums still to be completed.
    await lab.mustExec(HOST, ['tcprewrite', '--fixcsum', '-i', late, '-o', sound]);
    let passedS = 0;
    for (const afterS of stage.waits) {
      await sleep((afterS - passedS) * 1_000);
      passedS = afterS;
      await stage.forget();
      await lab.mustExec('client', ['tcpreplay', '-q', '-i', 'eth0', '--pps', '1000', sound]);
    }
  },
};

/** What comes again when everybody has forgotten. */
export const LEFTOVER_KINDS: readonly Kind[] = [leftovers];
