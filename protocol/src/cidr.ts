import ipaddr from 'ipaddr.js';
import { type Address, parseIp } from './address.ts';

/** A network in canonical text `address/length`, host bits zero. */
export type Cidr = string;

/** Outcome of reading a CIDR: the value, or what was wrong in words a person can act on. */
export type CidrResult = { ok: true; cidr: Cidr } | { ok: false; reason: string };

/**
 * Reads `address/length` or a bare address (as /32 or /128).
 * Set host bits are refused rather than dropped: they are nearly always a typing error. An IPv4-mapped IPv6 network is
 * folded as its address is: `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
 */
export function parseCidr(text: string): CidrResult {
  const [head = '', tail, ...rest] = text.split('/');
  const ip = parseIp(head);
  if (ip === undefined || rest.length > 0)
    return { ok: false, reason: `"${text}" is no address and no CIDR` };
  const written = head.includes(':') ? 128 : 32;
  const folded = written - (ip.kind() === 'ipv4' ? 32 : 128);
  const length = tail === undefined ? written : readLength(tail);
  if (length === undefined || length < folded || length > written) {
    return { ok: false, reason: `"${text}": the prefix length must be ${folded} to ${written}` };
  }
  const cidr = networkOf(ip, length - folded);
  if (cidr.split('/')[0] !== ip.toString()) {
    return { ok: false, reason: `"${text}" has host bits set; did you mean ${cidr}?` };
  }
  return { ok: true, cidr };
}

/** A decimal number without sign or leading zero: `/010` is 10 to some and 8 to others. */
function readLength(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
}

/** The network of the given prefix length that holds the address. */
export function cidrOf(address: Address, length: number): Cidr {
  const ip = parseIp(address);
  if (ip === undefined) throw new TypeError(`"${address}" is no address`);
  return networkOf(ip, length);
}

/** Whether the network holds the whole of the other network or address. Families never mix. */
export function contains(outer: Cidr | Address, inner: Cidr | Address): boolean {
  const [a, b] = [split(outer), split(inner)];
  return a.ip.kind() === b.ip.kind() && a.length <= b.length && matches(b.ip, a.ip, a.length);
}

/** Whether the two networks share any address. */
export function overlaps(one: Cidr | Address, other: Cidr | Address): boolean {
  return contains(one, other) || contains(other, one);
}

/** Prefix length of a canonical CIDR, or of a bare address 32 or 128. */
export function prefixLength(cidr: Cidr | Address): number {
  return split(cidr).length;
}

function split(text: string): { ip: ipaddr.IPv4 | ipaddr.IPv6; length: number } {
  const [head = '', tail] = text.split('/');
  const ip = parseIp(head);
  if (ip === undefined) throw new TypeError(`"${text}" is no address and no CIDR`);
  return { ip, length: tail === undefined ? (ip.kind() === 'ipv4' ? 32 : 128) : Number(tail) };
}

function matches(ip: ipaddr.IPv4 | ipaddr.IPv6, range: ipaddr.IPv4 | ipaddr.IPv6, length: number): boolean {
  return ip.kind() === 'ipv4'
    ? (ip as ipaddr.IPv4).match(range as ipaddr.IPv4, length)
    : (ip as ipaddr.IPv6).match(range as ipaddr.IPv6, length);
}

function networkOf(ip: ipaddr.IPv4 | ipaddr.IPv6, length: number): Cidr {
  const text = `${ip.toString()}/${length}`;
  const network =
    ip.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(text)
      : ipaddr.IPv6.networkAddressFromCIDR(text);
  return `${network.toString()}/${length}`;
}
