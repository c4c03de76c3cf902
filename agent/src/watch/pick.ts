import { networkInterfaces } from 'node:os';
import type { PortRange } from '@picket/protocol';
import { readHostFacts } from '../host/facts.ts';
import { procfsListeners } from '../host/listeners-procfs.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { gateRules } from '../policy/gate.ts';
import type { Policy } from '../policy/policy.ts';
import { UnavailableError } from '../policy/unavailable.ts';
import { nftCheck } from '../run/nft-check.ts';
import type { Runner } from '../run/runner.ts';
import { createCaptureEngine } from './capture.ts';
import { captureInterfaces } from './capture-interfaces.ts';
import {
  type CaptureSystem,
  ephemeralOf,
  FREEBSD_CAPTURE,
  linuxCapture,
  OPENBSD_CAPTURE,
  SUNOS_SNOOP,
  SUNOS_TCPDUMP,
} from './capture-system.ts';
import { createConnectEngine } from './connect.ts';
import type { Engine } from './engine.ts';
import { createKernelEngine } from './kernel.ts';
import type { OpenPort } from './kernel-open.ts';

/** What a choice of engine needs. */
export interface EngineChoice {
  readonly policy: Policy;
  /** The table as the kernel engine would load it. */
  readonly ruleset: RulesetPolicy;
  readonly run: Runner;
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/**
 * The engine that the policy asks for, or with `auto` the best that works here, saying why not a better one.
 *
 * @throws UnavailableError when the policy names an engine that does not work here, or asks for what only another can
 */
export async function pickEngine(choice: EngineChoice): Promise<Engine> {
  const { policy, ruleset, run, now, log } = choice;
  const { engine: wanted, answer } = policy.watch;
  if (wanted === 'connect') return createConnectEngine({ ...policy.connect, log, now });
  const whyNot = wanted === 'capture' ? 'watch.engine is "capture"' : await whyNotKernel(choice);
  if (whyNot === undefined)
    return createKernelEngine({ run, ruleset, log, now, openPorts: () => servedPorts(ruleset.ephemeral) });
  if (wanted === 'kernel') throw new UnavailableError(`watch.engine = "kernel": ${whyNot}`);
  if (answer === 'silent')
    throw new UnavailableError(
      `watch.answer = "silent": only the kernel engine can be silent, and ${whyNot}`,
    );
  const system = await captureSystem(choice);
  if (typeof system !== 'string') {
    if (wanted === 'auto')
      log(`watching by captured packets: the kernel engine does not work here: ${whyNot}`);
    return capture(choice, system);
  }
  if (wanted === 'capture') throw new UnavailableError(`watch.engine = "capture": ${system}`);
  log(
    `watching by bound ports only: the kernel engine does not work here: ${whyNot}; nor does capture: ${system}`,
  );
  return createConnectEngine({ ...policy.connect, log, now });
}

/** Ports that this host serves; UDP's ephemeral ones are those of its own requests. */
async function servedPorts([from, to]: PortRange): Promise<OpenPort[]> {
  const { listeners } = await procfsListeners()();
  return (['tcp', 'udp', 'sctp'] as const).flatMap((transport) =>
    [...listeners[transport]]
      .filter((port) => transport !== 'udp' || port < from || port > to)
      .map((port) => ({ transport, port })),
  );
}

/** Why the kernel engine does not work on this host, or undefined when it does. */
async function whyNotKernel({ policy, ruleset, run }: EngineChoice): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this system is ${process.platform}; the engine is Linux's`;
  const { firewall } = policy.block;
  // Detection and blocks are one table: the packet that trips a source is refused by the rule that counts it.
  if (firewall !== 'auto' && firewall !== 'nftables')
    return `it blocks by itself in the nftables table, and block.firewall is "${firewall}"`;
  const devices = await run({ argv: ['tcpdump', '-D'] }).catch((error: Error) => error);
  if (devices instanceof Error) return `${devices.message}; install the package tcpdump`;
  if (!/\bnflog\b/.test(devices.stdout)) return 'this tcpdump cannot read NFLOG';
  return nftCheck(run, ruleset);
}

async function capture(choice: EngineChoice, system: CaptureSystem): Promise<Engine> {
  const { policy, run, now, log } = choice;
  const ephemeral = await ephemeralPorts(choice, system);
  return createCaptureEngine({
    ...{ system, now, log },
    rules: (sourceOf) => gateRules(policy, ephemeral, sourceOf),
    readListeners: system.listeners(run),
    readOnLink: async () => (await readHostFacts()).onLink,
    interfaces: () => captureInterfaces(policy, system, interfacesUp()),
  });
}

/** How this host captures, or why it cannot. */
async function captureSystem({ policy, run }: EngineChoice): Promise<CaptureSystem | string> {
  const canUse = (interfaceName: string) => whyNotTcpdump(run, interfaceName);
  const first = interfacesUp()[0] ?? 'lo0';
  /** Whether tcpdump can capture here at all; then each interface that the policy names must be there. */
  const whyNot = async (some: string) => {
    const refusal = await canUse(some);
    if (refusal === undefined) await mustBeThere(policy.capture.interfaces, canUse);
    return refusal;
  };
  switch (process.platform) {
    case 'linux':
      return (await whyNot('any')) ?? linuxCapture(await cookedType(run));
    case 'freebsd':
      return (await whyNot(first)) ?? FREEBSD_CAPTURE;
    case 'openbsd':
      return (await whyNot(first)) ?? OPENBSD_CAPTURE;
    case 'sunos': {
      const tcpdump = await whyNot(first);
      if (tcpdump === undefined) return SUNOS_TCPDUMP;
      // It prints its usage when asked so; whether it may capture shows when it starts.
      const snoop = await run({ argv: ['snoop', '-?'] }).catch((error: Error) => error);
      return snoop instanceof Error ? `${tcpdump}; ${snoop.message}` : SUNOS_SNOOP;
    }
    default:
      return `captures are not known on ${process.platform}`;
  }
}

/** @throws UnavailableError for interfaces that cannot be captured: one mistyped would silently not be watched */
async function mustBeThere(
  names: readonly string[],
  canUse: (name: string) => Promise<string | undefined>,
): Promise<void> {
  const refusals = await Promise.all(names.map(canUse));
  const wrong = names.flatMap((name, i) => (refusals[i] === undefined ? [] : [`"${name}": ${refusals[i]}`]));
  if (wrong.length === 0) return;
  const there = Object.keys(networkInterfaces()).join(', ') || 'none';
  throw new UnavailableError(
    `capture.interfaces = ${JSON.stringify(names)}: ${wrong.join('; ')}; interfaces with an address here: ${there}`,
  );
}

/** Has tcpdump open the interface and show a filter's program, which takes all that a capture takes. */
async function whyNotTcpdump(run: Runner, interfaceName: string): Promise<string | undefined> {
  const argv = ['tcpdump', '-i', interfaceName, '-p', '-d', 'ip'] as const;
  const outcome = await run({ argv }).catch((error: Error) => error);
  if (outcome instanceof Error) return `${outcome.message}; install the package tcpdump`;
  if (outcome.status === 0) return undefined;
  return outcome.stderr.trim().split('\n').at(-1) || `tcpdump: exit status ${outcome.status}`;
}

/** The cooked link type that tells each packet's interface, where libpcap has it (1.10). */
async function cookedType(run: Runner): Promise<'LINUX_SLL2' | 'LINUX_SLL'> {
  const { status } = await run({ argv: ['tcpdump', '-y', 'LINUX_SLL2', '-d', 'ip'] });
  return status === 0 ? 'LINUX_SLL2' : 'LINUX_SLL';
}

async function ephemeralPorts(
  { ruleset, run, log }: EngineChoice,
  system: CaptureSystem,
): Promise<PortRange> {
  if (system.ephemeral === undefined) return ruleset.ephemeral;
  const told = await run({ argv: system.ephemeral }).catch(() => undefined);
  const range = ephemeralOf(told?.stdout ?? '');
  if (range !== undefined) return range;
  log(
    `the ephemeral ports are not known (${system.ephemeral.join(' ')}); none above 1023 is watched for UDP`,
  );
  return [1_024, 65_535];
}

/** Names of interfaces that are up and have an address, but for loopback. */
function interfacesUp(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    addresses?.some(({ internal }) => !internal) ? [name] : [],
  );
}
