import ipaddr from 'ipaddr.js';

/** An IPv4 or IPv6 address in canonical text: dotted decimal, or RFC 5952. IPv4-mapped IPv6 is folded to IPv4. */
export type Address = string;

/** The two families of addresses, as numbers of the Internet Protocol's version. */
export type Family = 4 | 6;

/** Dotted decimal as RFC 6943 section 3.1.1 calls strict: four numbers up to 255, none with a leading zero. */
const DOTTED = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Whether a text is an IPv4 address as such: strict, and so canonical. */
export function isDotted(text: string): boolean {
  return DOTTED.test(text);
}

/** A parsed address or undefined. Refuses what other parsers read differently: octal, hexadecimal, short forms, zones. */
export function parseIp(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (DOTTED.test(text)) return ipaddr.IPv4.parse(text);
  const groups = withoutDots(text);
  if (groups === undefined || !/^[0-9a-f:]+$/i.test(groups) || !ipaddr.IPv6.isValid(groups)) return undefined;
  const address = ipaddr.IPv6.parse(groups);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/**
 * IPv6 text with a dotted tail (RFC 4291 section 2.2, form 3) as groups alone. The library would read the tail as
 * octal or hexadecimal where it looks so, and `::192.0.2.1`, which is no IPv4 address, as `192.0.2.1`.
 */
function withoutDots(text: string): string | undefined {
  const start = text.lastIndexOf(':') + 1;
  const tail = text.slice(start);
  if (start === 0 || !tail.includes('.')) return text;
  if (!DOTTED.test(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets;
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** Canonical text of an address, or undefined when the text is none. */
export function parseAddress(text: string): Address | undefined {
  // Strict dotted decimal is canonical, and most addresses are.
  return isDotted(text) ? text : parseIp(text)?.toString();
}

/** Canonical text of the 4 or 16 bytes of an address in network order; undefined for any other length. */
export function addressFromBytes(bytes: Uint8Array): Address | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  return parseAddress(new ipaddr.IPv6([...bytes]).toString());
}

/** Family of a canonical address or CIDR. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}
