import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../load.ts';
import { importPortSentry } from './import.ts';
import type { TextFile } from './lines.ts';
import { made, policyOf, wordsOf } from './testing.ts';

const SAMPLES = resolve(import.meta.dirname, '../../../testdata/portsentry');

const sampleFile = (name: string): TextFile | undefined => {
  const path = resolve(SAMPLES, name);
  return existsSync(path) ? { name, text: readFileSync(path, 'utf8') } : undefined;
};

describe('samples', () => {
  it.each(['debian-1.2', 'advanced-1.2', 'upstream-2.0', 'blocking-2.0', 'mangled'])(
    '%s becomes the policy beside it',
    async (name) => {
      const [conf, ignore] = [sampleFile(`${name}.conf`), sampleFile(`${name}.ignore`)];
      if (conf === undefined || ignore === undefined) throw new Error(`no sample ${name}`);
      const { toml } = importPortSentry({
        ...{ conf, ignore: [ignore], startup: sampleFile(`${name}.default`) },
        ...{ interfaces: [], own: ['198.51.100.9'] },
      });
      expect(() => parsePolicy(toml, name)).not.toThrow();
      await expect(toml).toMatchFileSnapshot(resolve(SAMPLES, `${name}.toml`));
    },
  );
});

describe('ports', () => {
  it('of the classic mode are bound where Picket has to bind, and are not what Picket watches', () => {
    const policy = policyOf('TCP_PORTS="1,11,15,"', { tcpMode: 'tcp' });
    expect(policy.connect.tcp).toEqual([
      [1, 1],
      [11, 11],
      [15, 15],
    ]);
    expect(policy.watch.tcp).toEqual([[0, 65_535]]);
  });

  it('of the stealth mode are watched, even those that Picket would leave alone', () => {
    const policy = policyOf('TCP_PORTS="1,112-114"', { tcpMode: 'stcp' });
    expect(policy.watch.tcp).toEqual([
      [1, 1],
      [112, 114],
    ]);
    expect(policy.watch.ignore_tcp).toEqual([[139, 139]]);
  });

  it.each([
    ['', '0-1023'],
    ['ADVANCED_PORTS_TCP="1"', '0'],
    ['ADVANCED_PORTS_TCP="65536"', '0-65535'],
    ['ADVANCED_PORTS_TCP="x"', '0-1023'],
  ])('of the advanced mode are those below a number: %j', (conf, range) => {
    expect(made(conf, { tcpMode: 'atcp' }).toml).toContain(`\ntcp = "${range}"\n`);
  });

  it('that were not understood leave all ports watched', () => {
    expect(policyOf('TCP_PORTS="x"', { tcpMode: 'stcp' }).watch.tcp).toEqual([[0, 65_535]]);
  });

  it('excluded in the advanced mode stay so, whatever the list says', () => {
    const policy = policyOf('TCP_PORTS="139"\nADVANCED_EXCLUDE_TCP="113,139"', { tcpMode: 'atcp' });
    expect(policy.watch.ignore_tcp).toEqual([
      [113, 113],
      [139, 139],
    ]);
  });

  it('of a transport that PortSentry did not watch are not watched', () => {
    expect(policyOf('UDP_PORTS="1"', { startup: { name: 'd', text: 'TCP_MODE=tcp' } }).watch.udp).toEqual([]);
  });
});

describe('responses', () => {
  it.each([
    ['', 'observe'],
    ['BLOCK_TCP="0"\nBLOCK_UDP="2"', 'observe'],
    ['BLOCK_TCP="1"', 'enforce'],
  ])('%j make the mode %s', (conf, mode) => {
    expect(policyOf(conf).mode).toBe(mode);
  });

  it.each([
    ['', 1],
    ['SCAN_TRIGGER="0"', 1],
    ['SCAN_TRIGGER = "3"', 4],
    ['SCAN_TRIGGER="9"', 10],
    ['SCAN_TRIGGER="99999999"', 1_000],
    ['SCAN_TRIGGER="x"', 4],
  ])('%j allows that many connects, so the next one trips: %d', (conf, ports) => {
    const { threshold } = policyOf(conf);
    expect(threshold.ports).toBe(ports);
    expect(Math.min(threshold.client_ports, threshold.weak_ports)).toBeGreaterThanOrEqual(Math.min(ports, 7));
  });

  it('keep a banner as it was, at most as long as Picket takes', () => {
    expect(policyOf('PORT_BANNER="a \\ b\u0007"').connect.banner).toBe('a \\ b\u0007');
    expect(policyOf(`PORT_BANNER="${'😀'.repeat(400)}"`).connect.banner).toHaveLength(512);
  });
});

describe('the ignore list', () => {
  it('is corrected to networks, and its last line needs no newline', () => {
    const { allow } = policyOf('', {
      ignore: '192.0.2.9/24\r\n10.1.2.3/255.255.0.0\nScan.example.org # ours\n2001:db8::1',
    });
    expect(allow.sources).toEqual([
      { kind: 'cidr', cidr: '192.0.2.0/24' },
      { kind: 'cidr', cidr: '10.1.0.0/16' },
      { kind: 'name', name: 'scan.example.org' },
      { kind: 'cidr', cidr: '2001:db8::1/128' },
    ]);
  });

  it('loses what is never blocked anyway, and says so', () => {
    const ignore = '127.0.0.1\n0.0.0.0\n::1\n192.0.2.1';
    expect(policyOf('', { ignore, own: ['192.0.2.1'] }).allow.sources).toEqual([]);
    expect(
      wordsOf('', { ignore, own: ['192.0.2.1'] }).filter((words) => words.startsWith('gone')),
    ).toHaveLength(4);
  });

  it('is cut where the policy ends, with each line that is left out named', () => {
    const ignore = Array.from({ length: 1_002 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join('\n');
    expect(policyOf('', { ignore }).allow.sources).toHaveLength(1_000);
    expect(wordsOf('', { ignore })).toContain(
      'unread portsentry.ignore:1002 more than 1000 entries; join them into networks',
    );
  });
});

describe('what is told', () => {
  it.each([
    ['NUMERIC="1"', 'unread portsentry.conf:1 no setting of PortSentry 1.x or 2.x'],
    ['\nTCP_PORTS=1', 'unread portsentry.conf:2 the value needs double quotes'],
    ['hello', 'unread portsentry.conf:1 not KEY="value"'],
    ['TCP_PORTS="1,http"', 'unread portsentry.conf:1 "http" is no port from 0 to 65535 and no range'],
    ['KILL_HOSTS_DENY="ALL: ALL"', 'gone portsentry.conf:1 without $TARGET$ PortSentry never wrote it'],
    [
      'KILL_HOSTS_DENY="ALL: 10. $TARGET$"',
      'unread portsentry.conf:1 no line "daemons : $TARGET$" for TCP wrappers',
    ],
    [
      'KILL_HOSTS_DENY="ALL: $TARGET$ : spawn /x"',
      'different portsentry.conf:1 options but DENY are left out: Picket writes none',
    ],
    ['KILL_ROUTE="/sbin/route flush"', 'gone portsentry.conf:1 without $TARGET$ PortSentry never ran it'],
    ['KILL_RUN_CMD="/x"', 'different portsentry.conf:1 it runs as the user of the service, not as root'],
    ['KILL_RUN_CMD="/x $$TARGET$"', 'unread portsentry.conf:1 no command that Picket can take over'],
    ['KILL_RUN_CMD_FIRST="1"', 'gone portsentry.conf:1 KILL_RUN_CMD is not set'],
    [
      'KILL_RUN_CMD="/x"\nKILL_RUN_CMD_FIRST="yes"',
      'unread portsentry.conf:2 allowed are 0 and 1; taken for 0',
    ],
    ['BLOCK_UDP="2"', 'gone portsentry.conf:1 it ran KILL_RUN_CMD alone, and there is none to run'],
    [
      'BLOCK_TCP="2"\nBLOCK_UDP="0"\nKILL_RUN_CMD="/x"',
      'different portsentry.conf:2 mode holds for all transports, so the command runs for this one too',
    ],
    ['RESOLVE_HOST="1"', 'gone portsentry.conf:1 Picket never looks up'],
    [
      'UDP_PORTS="1"\nUDP_PORTS="2"',
      'gone portsentry.conf:2 it stands twice, and PortSentry 1.x takes the first',
    ],
    [
      'UDP_PORTS="1-2"\nUDP_PORTS="2"',
      'gone portsentry.conf:1 it stands twice, and PortSentry 2.x takes the last',
    ],
  ])('names file and line for %j', (conf, words) => {
    expect(wordsOf(conf)).toContainEqual(expect.stringContaining(words));
  });

  it('stands at the end of the file too', () => {
    expect(made('hello').toml).toContain('# Not understood, and left out:\n# - portsentry.conf:1: hello\n');
  });
});

const key = fc.constantFrom(
  'TCP_PORTS',
  'UDP_PORTS',
  'ADVANCED_PORTS_TCP',
  'ADVANCED_EXCLUDE_UDP',
  'BLOCK_TCP',
  'SCAN_TRIGGER',
  'PORT_BANNER',
  'KILL_ROUTE',
  'KILL_HOSTS_DENY',
  'KILL_RUN_CMD',
  'KILL_RUN_CMD_FIRST',
  'toString',
);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.array(fc.oneof(fc.nat(70_000), fc.constantFrom('1-9', '9-1', '', ' 7')), { maxLength: 9 }).map(String),
  fc
    .array(
      fc.constantFrom(
        '$TARGET$',
        '$PORT$',
        'ALL:',
        "'",
        ' ',
        '$',
        '{x}',
        '{address}',
        '{',
        '}',
        ':',
        'iptables',
        '; ',
      ),
    )
    .map((parts) => parts.join('')),
);
const line = fc.oneof(
  fc.tuple(key, value).map(([name, text]) => `${name}="${text}"`),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
const entry = fc.oneof(
  fc.ipV4Extended(),
  fc
    .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.oneof(fc.nat(130), fc.ipV4()))
    .map(([ip, bits]) => `${ip}/${bits}`),
  fc.domain(),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const modes = (own: string) => fc.constantFrom(undefined, own, `s${own}`, `a${own}`, 'none');

it('whatever the files hold, a policy comes out that is accepted', () => {
  const lines = (one: fc.Arbitrary<string>) => fc.array(one, { maxLength: 8 }).map((all) => all.join('\n'));
  fc.assert(
    fc.property(
      lines(line),
      lines(entry),
      lines(line),
      modes('tcp'),
      modes('udp'),
      (conf, ignore, start, tcpMode, udpMode) => {
        const startup = start === '' ? undefined : { name: 'default\n', text: start };
        expect(() => policyOf(conf, { ignore, startup, tcpMode, udpMode })).not.toThrow();
      },
    ),
  );
});
