import { fragments, frame, type Head, tcp } from '../../lab/frames.ts';
import { macOf, sendFrames } from '../lab/replay.ts';
import { VICTIM } from '../lab/victim.ts';
import { type Field, victimOf } from './field.ts';

/** Ports of the scans made by hand. */
const PORTS = Array.from({ length: 100 }, (_, i) => 300 + i);

/** The network behind the router, from which the flood comes. */
export const FLOOD_SOURCE = '2001:db8:66::/64';

/** Addresses of the flood, and how many of them a second. */
const FLOOD = { addresses: 3_000, perSecond: 1_000 };

async function headOf({ lab, source, target }: Field): Promise<Head> {
  const [fromMac, toMac] = await Promise.all([macOf(lab, 'scanner'), macOf(lab, VICTIM)]);
  return { fromMac, toMac, from: source, to: target };
}

const send = (field: Field, node: string, frames: readonly Buffer[], perSecond: number) =>
  sendFrames(field.lab, node, frames, { perSecond, name: `sent-${field.label}` });

/** SYNs behind an IPv6 Destination Options header. */
export async function extensionHeaders(field: Field): Promise<void> {
  const head = await headOf(field);
  const frames = PORTS.map((port) => frame(head, tcp(50_000, port), { options: true }));
  await send(field, 'scanner', frames, 500);
}

/** SYNs in IPv6 fragments. They carry data, without which the least fragment would hold all of them. */
export async function fragmentsV6(field: Field): Promise<void> {
  const head = await headOf(field);
  const frames = PORTS.flatMap((port) => fragments(head, tcp(50_001, port, 2, 8), port));
  await send(field, 'scanner', frames, 1_500);
}

/** 3,000 addresses of one /64 in three seconds, each asking for a port of its own. */
export async function floodOf64(field: Field): Promise<void> {
  const { lab } = field;
  const [fromMac, toMac] = await Promise.all([macOf(lab, 'far'), macOf(lab, 'router', 'eth1')]);
  const frames = Array.from({ length: FLOOD.addresses }, (_, i) => {
    const from = `2001:db8:66::1:${(i + 1).toString(16)}`;
    return frame({ fromMac, toMac, from, to: victimOf(lab).v6 }, tcp(50_002, 1_000 + i));
  });
  await send(field, 'far', frames, FLOOD.perSecond);
}
