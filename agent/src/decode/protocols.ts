/** IANA protocol numbers that are read past the IP header. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
