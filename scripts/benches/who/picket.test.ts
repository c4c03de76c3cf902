import { expect, it } from 'vitest';
import { namesSource } from './picket.ts';

const LOG = `<5>portsentry[1]: attackalert: TCP SYN/Normal scan from host: 203.0.113.10/203.0.113.10 to TCP port: 23
<5>portsentry[1]: attackalert: Host 2001:db8:66::/64 has been blocked via nftables using command: "…"
`;

it("finds a source in PortSentry's lines, and no other whose address begins like it", () => {
  expect(namesSource(LOG, '203.0.113.10')).toBe(true);
  expect(namesSource(LOG, '2001:db8:66::/64')).toBe(true);
  expect(namesSource(LOG, '203.0.113.1')).toBe(false);
});
