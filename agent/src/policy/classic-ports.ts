/** TCP ports that PortSentry 1.0 bound in its classic mode: old services, trojans and what scanners ask for first. */
export const CLASSIC_TCP_PORTS =
  '1,11,15,79,111,119,143,540,635,1080,1524,2000,5742,6667,12345-12346,20034,31337,32771-32774,40421,49724,54320';

/** UDP ports that PortSentry 1.0 bound in its classic mode. */
export const CLASSIC_UDP_PORTS = '1,7,9,69,161-162,513,635,640-641,700,32770-32774,31337,54321';

/** TCP ports that PortSentry's advanced mode left out: ident and NetBIOS. */
export const IGNORED_TCP_PORTS = '113,139';

/** UDP ports that PortSentry's advanced mode left out: RIP, NetBIOS and bootp. */
export const IGNORED_UDP_PORTS = '67,137-138,520';
