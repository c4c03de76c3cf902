import type { Frame, LinkDecoder } from './frame.ts';
import { ipnet, loop, nullLoopback, pflog } from './link-bsd.ts';
import { ethernet, ppp, pppoe, raw } from './link-ethernet.ts';
import { nflog, sll, sll2 } from './link-linux.ts';

/** LINKTYPE_ values of the tcpdump registry (https://www.tcpdump.org/linktypes.html) that captures are made with. */
export const LINKTYPE = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  pppHdlc: 50,
  pppoe: 51,
  raw: 101,
  loop: 108,
  sll: 113,
  pflog: 117,
  ipnet: 226,
  ipv4: 228,
  ipv6: 229,
  nflog: 239,
  sll2: 276,
} as const;

/** DLT_RAW as systems number it in a live capture: 12, and 14 on OpenBSD. */
const DLT_RAW = [12, 14] as const;

const DECODERS: ReadonlyMap<number, LinkDecoder> = new Map<number, LinkDecoder>([
  [LINKTYPE.null, nullLoopback],
  [LINKTYPE.ethernet, ethernet],
  [LINKTYPE.ppp, ppp],
  [LINKTYPE.pppHdlc, ppp],
  [LINKTYPE.pppoe, pppoe],
  [DLT_RAW[0], raw],
  [DLT_RAW[1], raw],
  [LINKTYPE.raw, raw],
  [LINKTYPE.loop, loop],
  [LINKTYPE.sll, sll],
  [LINKTYPE.pflog, pflog],
  [LINKTYPE.ipnet, ipnet],
  [LINKTYPE.ipv4, raw],
  [LINKTYPE.ipv6, raw],
  [LINKTYPE.nflog, nflog],
  [LINKTYPE.sll2, sll2],
]);

/** Names of link types that are met in captures and not read. */
const UNREAD: ReadonlyMap<number, string> = new Map([
  [6, 'IEEE802_5 (token ring)'],
  [8, 'SLIP'],
  [10, 'FDDI'],
  [105, 'IEEE802_11 (Wi-Fi monitor mode)'],
  [109, 'ENC (OpenBSD IPsec)'],
  [119, 'IEEE802_11_PRISM (Wi-Fi monitor mode)'],
  [127, 'IEEE802_11_RADIOTAP (Wi-Fi monitor mode)'],
  [189, 'USB_LINUX'],
  [192, 'PPI'],
  [201, 'BLUETOOTH_HCI_H4_WITH_PHDR'],
  [220, 'USB_LINUX_MMAPPED'],
  [249, 'USBPCAP'],
  [253, 'NETLINK'],
]);

const READ = Object.keys(LINKTYPE).join(', ');

/** Why packets of a link type cannot be read, for people; undefined when they can. */
export function linkProblem(linkType: number): string | undefined {
  if (DECODERS.has(linkType)) return undefined;
  const name = UNREAD.get(linkType);
  return `link type ${linkType}${name === undefined ? '' : `, ${name},`} is not read; known are ${READ}`;
}

/** Finds the IP packet in a captured frame. Never throws. */
export function decodeLink(linkType: number, bytes: Uint8Array): Frame | undefined {
  return DECODERS.get(linkType)?.(bytes);
}
