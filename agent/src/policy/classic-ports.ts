import type { PortRange } from '@picket/protocol';

/** TCP ports that PortSentry 1.0 bound in its classic mode: old services, trojans and what scanners ask for first. */
export const CLASSIC_TCP_PORTS =
  '1,11,15,79,111,119,143,540,635,1080,1524,2000,5742,6667,12345-12346,20034,31337,32771-32774,40421,49724,54320';

/** UDP ports that PortSentry 1.0 bound in its classic mode. */
export const CLASSIC_UDP_PORTS = '1,7,9,69,161-162,513,635,640-641,700,32770-32774,31337,54321';

/** TCP ports that PortSentry's advanced mode left out: ident and NetBIOS. */
export const IGNORED_TCP_PORTS = '113,139';

/** UDP ports that PortSentry's advanced mode left out: RIP, NetBIOS and bootp. */
export const IGNORED_UDP_PORTS = '67,137-138,520';

/**
 * UDP ports that traceroute asks for: from 33434 on, one more for each probe (traceroute(8)), sixteen at once. Whoever
 * looks for the way to a host is no scanner. Within Linux's ephemeral ports anyway; other systems have others.
 */
export const TRACEROUTE_UDP_PORTS: PortRange = [33_434, 33_534];

/**
 * IP protocols (IANA "Assigned Internet Protocol Numbers") that peers of a host send it without meaning harm, and that
 * it may serve without any socket: ICMP 1, IGMP 2, IPv4 4, IPv6 41, GRE 47, ESP 50, AH 51, ICMPv6 58, OSPF 89,
 * ETHERIP 97, PIM 103, VRRP 112, L2TP 115, UDP-Lite 136, MPLS-in-IP 137, and those watched by port (6, 17, 132).
 * 0, 43, 44, 59 and 60 are IPv6 extension headers.
 */
export const IGNORED_IP_PROTOCOLS = '0-2,4,6,17,41,43-44,47,50-51,58-60,89,97,103,112,115,132,136-137';
