import { type Frame, UNKNOWN_LINK } from './frame.ts';
import { ipOf } from './link-ethernet.ts';
import { fieldText, u16, u32 } from './read.ts';

const FAMILY_BYTES = 4;

const AF_INET = 2;

/** AF_INET6 by system: Linux 10, NetBSD and OpenBSD 24, Solaris 26, FreeBSD and DragonFly 28, Darwin 30. */
const AF_INET6: ReadonlySet<number> = new Set([10, 24, 26, 28, 30]);

function versionOf(family: number): 4 | 6 | undefined {
  if (family === AF_INET) return 4;
  return AF_INET6.has(family) ? 6 : undefined;
}

/** LINKTYPE_NULL: the address family in the byte order of the host that captured, which may be another one than this. */
export function nullLoopback(bytes: Uint8Array): Frame | undefined {
  const family = u32(bytes, 0);
  // A family is below 256, so its other three bytes tell the order.
  return family > 0xffff ? afterFamily(bytes, (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)) : loop(bytes);
}

/** LINKTYPE_LOOP: as LINKTYPE_NULL, in network order (OpenBSD). */
export function loop(bytes: Uint8Array): Frame | undefined {
  return afterFamily(bytes, u32(bytes, 0));
}

function afterFamily(bytes: Uint8Array, family: number): Frame | undefined {
  const version = versionOf(family);
  const ip = version && ipOf(bytes, FAMILY_BYTES, version);
  return ip && { link: UNKNOWN_LINK, ip };
}

/** Offsets in a pflog header (net/if_pflog.h), the same in all that is about. */
const PFLOG_NAME = 4;
const PFLOG_NAME_END = 20;

/**
 * Shortest header of today, its padding left out: FreeBSD before 14, DragonFly and NetBSD 61, FreeBSD 14 and later 69 or
 * 72, OpenBSD 100. Each has the direction at the same place.
 */
const PFLOG_LEAST_BYTES = 61;
const PFLOG_DIRECTION = 60;

/** PF_IN and PF_OUT of net/pfvar.h; zero is both, and OpenBSD has a forward beside them. */
const PFLOG_DIRECTIONS = ['unknown', 'in', 'out'] as const;

/** LINKTYPE_PFLOG: what pf logged, its header's length in the first byte. */
export function pflog(bytes: Uint8Array): Frame | undefined {
  const length = bytes[0] ?? 0;
  if (length < PFLOG_LEAST_BYTES) return undefined;
  // The header is padded to four bytes, which its length leaves out on some systems.
  const ip = bytes.subarray((length + 3) & ~3);
  const direction = PFLOG_DIRECTIONS[bytes[PFLOG_DIRECTION] ?? 0] ?? 'unknown';
  const interfaceName = fieldText(bytes, PFLOG_NAME, PFLOG_NAME_END);
  return ip.length === 0 ? undefined : { link: { direction, cast: 'unknown', interfaceName }, ip };
}

/** LINKTYPE_IPNET: Solaris' dl_ipnetinfo_t. Version 1 is what systems write, 2 what the registry describes. */
const IPNET_BYTES = 24;

/** Hook types of sys/hook_event.h; a third one is a packet looped back inside this host. */
const IPNET_DIRECTIONS = ['in', 'out'] as const;

/** LINKTYPE_IPNET. The family's numbering differs by version, so the IP version is taken from the packet itself. */
export function ipnet(bytes: Uint8Array): Frame | undefined {
  const ip = bytes.subarray(IPNET_BYTES);
  if (ip.length === 0) return undefined;
  const direction = IPNET_DIRECTIONS[u16(bytes, 2)] ?? 'unknown';
  return { link: { direction, cast: 'unknown', interfaceIndex: u32(bytes, 8) }, ip };
}
