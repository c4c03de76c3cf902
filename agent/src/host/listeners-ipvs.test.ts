import fc from 'fast-check';
import { expect, it } from 'vitest';
import { virtualServices } from './listeners-ipvs.ts';

/** In the form of net/netfilter/ipvs/ip_vs_ctl.c; written by hand, since no module was there to record it from. */
const TABLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  CB00710A:01BB rr  
  -> C6336401:01BB      Route   1      0          0         
UDP  [2001:0db8:0001:0000:0000:0000:0000:0011]:0035 wrr  
FWM  00000001 rr  
`;

it('reads the virtual services, and neither real servers nor services by mark', () => {
  expect(virtualServices(TABLE)).toEqual([
    { transport: 'tcp', local: '203.0.113.10', port: 443, isListening: true },
    { transport: 'udp', local: '2001:db8:1::11', port: 53, isListening: true },
  ]);
});

it('reads anything without an error', () => {
  fc.assert(fc.property(fc.string(), (text) => void virtualServices(text)));
});
