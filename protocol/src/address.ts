import ipaddr from 'ipaddr.js';

/** An IPv4 or IPv6 address in canonical text: dotted decimal, or RFC 5952. IPv4-mapped IPv6 is folded to IPv4. */
export type Address = string;

/** The two families of addresses, as numbers of the Internet Protocol's version. */
export type Family = 4 | 6;

/** A parsed address or undefined. Refuses what other parsers read differently: octal, hexadecimal, short forms, zones. */
export function parseIp(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) {
    return ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text) : undefined;
  }
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Canonical text of an address, or undefined when the text is none. */
export function parseAddress(text: string): Address | undefined {
  return parseIp(text)?.toString();
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
