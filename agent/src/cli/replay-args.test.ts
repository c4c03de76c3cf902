import { expect, it } from 'vitest';
import { parseCall } from './args.ts';

it('reads what is known of the captured host', () => {
  const args = ['replay', 'x.pcap', '--own', '2001:DB8::1,192.0.2.1', '--open', 'tcp/22,udp/53', '--json'];
  expect(parseCall([...args, '--open', 'tcp/8000-8001', '--ephemeral', '49152-65535'])).toEqual({
    ok: true,
    call: {
      command: 'replay',
      config: '/etc/picket/picket.toml',
      file: 'x.pcap',
      own: ['2001:db8::1', '192.0.2.1'],
      open: { tcp: [22, 8_000, 8_001], udp: [53], sctp: [] },
      ephemeral: [49_152, 65_535],
      json: true,
    },
  });
});

it('leaves to the capture what is not said', () => {
  expect(parseCall(['replay', 'x', '--config', 'c'])).toMatchObject({
    call: { config: 'c', own: undefined, ephemeral: [32_768, 60_999], json: false },
  });
});

it.each([
  [['replay'], 'replay: which capture file?'],
  [['replay', 'a', 'b'], 'replay: unexpected "b"'],
  [['replay', '-'], 'standard input'],
  [['replay', 'a', '--own', 'host'], '--own "host": must be an address'],
  [['replay', 'a', '--open', '22'], '--open "22": must be like tcp/22'],
  [['replay', 'a', '--open', 'icmp/1'], '--open "icmp/1"'],
  [['replay', 'a', '--ephemeral', '1,5'], '--ephemeral "1,5"'],
  [['replay', 'a', '--fast'], 'replay: Unknown option'],
  [['--json', 'replay'], 'replay: it comes first'],
  [['--config', 'c', 'replay', 'a'], 'replay: it comes first'],
])('refuses %j and says why', (args, reason) => {
  expect(parseCall(args)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
