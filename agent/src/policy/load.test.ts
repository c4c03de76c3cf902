import { describe, expect, it } from 'vitest';
import { namesNoInterface, rulesetPolicy, tierFor } from './derive.ts';
import { loadPolicy, PolicyError, parsePolicy } from './load.ts';

const refusal = (text: string): string => {
  try {
    parsePolicy(text, 'picket.toml');
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('parsePolicy', () => {
  it('refuses a state folder that no system can have', () => {
    expect(refusal('state_dir = "/var/lib/pic\\u0000ket"')).toBe(
      'picket.toml:1: state_dir = "/var/lib/pic\\u0000ket": must be an absolute path, without a zero character',
    );
  });

  it('takes plain http to anywhere where it is allowed by name', () => {
    expect(refusal('[uplink]\nurls = ["http://a.example"]\nallow_insecure_http = true')).toBe('accepted');
  });

  it('takes an empty file for the default policy', () => {
    expect(parsePolicy('', 'picket.toml')).toMatchObject({
      state_dir: '/var/lib/picket',
      watch: {
        engine: 'auto',
        tcp: [[0, 65_535]],
        ignore_tcp: [
          [113, 113],
          [139, 139],
        ],
      },
      threshold: { ports: 4, client_ports: 7, weak_ports: 12, window: 4 * 3_600_000, tripwire_tcp: [] },
      block: { firewall: 'auto', duration: 3_600_000, established: 'keep' },
    });
  });

  it('reads what a file says', () => {
    const policy = parsePolicy(
      '[threshold]\nports = 2\nwindow = "15m"\n[allow]\nsources = ["192.0.2.1", "2001:db8::/32"]',
      'x',
    );
    expect(policy.threshold).toMatchObject({ ports: 2, window: 900_000 });
    expect(policy.allow.sources).toEqual([
      { kind: 'cidr', cidr: '192.0.2.1/32' },
      { kind: 'cidr', cidr: '2001:db8::/32' },
    ]);
  });

  it.each([
    ['[threshold]\nports = 0', 'picket.toml:2: threshold.ports = 0: must be a whole number from 1 to 1000'],
    ['[threshold]\nwindow = "soon"', 'picket.toml:2: threshold.window = "soon": must be a duration like'],
    ['\n[block]\nduration = 5', 'picket.toml:3: block.duration = 5: must be a duration like'],
    [
      '[block]\nfirewall = "npf"',
      'picket.toml:2: block.firewall = "npf": must be one of "auto", "nftables", "iptables-ipset",',
    ],
    [
      '[watch]\nengine = "bpf"',
      'picket.toml:2: watch.engine = "bpf": must be one of "auto", "kernel", "capture", "connect"',
    ],
    [
      '[watch]\ntcp = "1-70000"',
      'picket.toml:2: watch.tcp = "1-70000": must be ports and ranges from 0 to 65535',
    ],
    ['[allow]\nsources = ["192.0.2.1/24"]', 'host bits set; did you mean 192.0.2.0/24?'],
    ['[alow]\nsources = []', 'picket.toml:1: unknown key "alow"; allowed here: state_dir, mode, watch,'],
    [
      '[block]\ndurations = "1h"',
      'picket.toml:2: unknown key "block.durations"; allowed here: firewall, also, duration, factor,',
    ],
    ['state_dir = "here"', 'picket.toml:1: state_dir = "here": must be an absolute path'],
    [
      '[block]\nalso = ["command"]',
      'picket.toml: command.argv = nothing: must be a program and its arguments, since block.also asks for "command"',
    ],
    [
      '[command]\nargv = []\n[block]\nfirewall = "command"',
      'picket.toml:2: command.argv = []: must be a program and its arguments, since block.firewall asks for "command"',
    ],
    ['[block\n', 'picket.toml:1: '],
  ])('refuses %j naming file, line, key, value and what is allowed', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  /** Keys with a good value each, and a bad one with what must be said of it. */
  it.each([
    ['', 'mode', '"observe"', '"watch"', 'one of "enforce", "observe"'],
    ['watch', 'engine', '"capture"', '"snoop"', 'one of "auto", "kernel", "capture", "connect"'],
    ['watch', 'sctp', '"1-10"', '"x"', 'ports and ranges from 0 to 65535'],
    ['watch', 'ip', '"1,50-51"', '"256"', 'IP protocol numbers and ranges from 0 to 255'],
    ['watch', 'ignore_sctp', '""', '7', 'ports and ranges from 0 to 65535'],
    ['watch', 'ignore_ip', '"1"', '"0-300"', 'IP protocol numbers and ranges from 0 to 255'],
    ['watch', 'ignore_interfaces', '["eth0.1", "wg-home"]', '"eth0"', 'a list of interface names'],
    ['watch', 'answer', '"silent"', 'true', 'one of "system", "silent"'],
    ['connect', 'banner', '"Go away."', '5', 'a text'],
    ['connect', 'tcp', '"1,2"', '"1 2"', 'ports and ranges from 0 to 65535'],
    ['connect', 'udp', '""', '"-1"', 'ports and ranges from 0 to 65535'],
    ['capture', 'interfaces', '["em0"]', '{}', 'a list of interface names'],
    ['threshold', 'client_ports', '1000', '1001', 'a whole number from 1 to 1000'],
    ['threshold', 'weak_ports', '1', '1.5', 'a whole number from 1 to 1000'],
    ['threshold', 'window', '"7d"', '"8d"', 'a duration like'],
    ['threshold', 'tripwire_tcp', '"23"', '"telnet"', 'ports and ranges from 0 to 65535'],
    ['threshold', 'tripwire_udp', '"1"', 'nan', 'ports and ranges from 0 to 65535'],
    [
      'allow',
      'sources',
      '["scan.example.org", "2001:db8::/32"]',
      '"all"',
      'a list of addresses, CIDRs and host names',
    ],
    [
      'uplink',
      'urls',
      '["https://a.example", "http://127.0.0.1:8440"]',
      '["http://a.example"]',
      'https://, or http:// on loopback; in a lab with allow_insecure_http = true under [uplink]',
    ],
    ['uplink', 'proxy', '"http://u:50%25off@h:3128"', '"http://u:50%off@h:3128"', 'a URL like'],
    ['uplink', 'proxy', '"http://%C3%A9:x@h"', '"http://%C3:%A9@h"', 'a URL like'],
    ['report', 'json', '"journald"', '"yes"', 'one of "off", "rfc5424", "journald"'],
    ['hosts_deny', 'file', '"/etc/hosts.allow"', '"hosts.deny"', 'an absolute path'],
    ['hosts_deny', 'daemons', '"sshd, in.ftpd"', '"ALL: x"', 'daemon names like "ALL" or "sshd"'],
    [
      'command',
      'argv',
      '["/x", "{address}"]',
      '["/x", "{host}"]',
      'without "{host}"; allowed are {address},',
    ],
    ['command', 'unblock_argv', '["/x", "{{host}}"]', '[""]', 'a list that begins with a program'],
    ['command', 'when', '"before"', '"first"', 'one of "after", "before"'],
    ['command', 'shell', 'true', '"yes"', 'true or false'],
    ['command', 'time_limit', '"5m"', '"6m"', 'a duration like'],
  ])('takes [%s] %s = %s, and refuses %s', (section, key, good, bad, allowed) => {
    const head = section === '' ? '' : `[${section}]\n`;
    expect(refusal(`${head}${key} = ${good}`)).toBe('accepted');
    const [line, path] = section === '' ? [1, key] : [2, `${section}.${key}`];
    expect(refusal(`${head}${key} = ${bad}`)).toMatch(
      new RegExp(
        `^picket\\.toml:${line}: ${path}(?:\\[\\d\\])? = .+: must be ${allowed.replace(/[.{}[\]]/g, '\\$&')}`,
      ),
    );
  });

  const scanner = '[[scanner]]\nsources = ["192.0.2.1"]\n';
  it.each([
    [`${scanner}${scanner}name = 5`, 'picket.toml:5: scanner[1].name = 5: must be a name'],
    [
      `${scanner}hours = "22:00-25:00"`,
      'picket.toml:3: scanner[0].hours = "22:00-25:00": must be hours of the day',
    ],
    [
      `${scanner}from = 2026-11-24`,
      'picket.toml:3: scanner[0].from = 2026-11-24: must be a date-time with offset',
    ],
    [`${scanner}from = 2026-11-24T22:00:00`, 'must be a date-time with offset like 2026-11-24T22:00:00Z'],
    [`${scanner}until = "tomorrow"`, 'scanner[0].until = "tomorrow": must be a date-time with offset'],
    [
      `${scanner}days = ["mon", "sun", "fry"]`,
      'picket.toml:3: scanner[0].days[2] = "fry": must be one of "sun"',
    ],
    [`${scanner}days = []`, 'picket.toml:3: scanner[0].days = []: must be at least one'],
    [
      `${scanner}from = 2026-11-25T00:00:00Z\nuntil = 2026-11-24T00:00:00Z`,
      'picket.toml:1: scanner[0] = {"sources":["192.0.2.1"],"from":"2026-11-25T00:00:00.000Z"',
    ],
    [`\n[[scanner]]\nname = "x"`, 'picket.toml:2: scanner[0].sources = nothing: must be a list of addresses'],
    [
      `${scanner}\n[[scanner]]\nsources = [\n "192.0.2.1",\n "192.0.2.1/8"]`,
      'picket.toml:7: scanner[1].sources[1] =',
    ],
    [
      `${scanner}source = "x"`,
      'picket.toml:3: unknown key "scanner[0].source"; allowed here: name, sources, from, until, hours, days',
    ],
    ['scanner = 5', 'picket.toml:1: scanner = 5: must be a list of [[scanner]] tables'],
    ['\nthreshold.ports = 0', 'picket.toml:2: threshold.ports = 0: must be a whole number'],
    ['watch = { tcp = "1", udp = "x" }', 'picket.toml:1: watch.udp = "x": must be ports and ranges'],
    ['watch = 5', 'picket.toml:1: watch = 5: must be a table'],
    [
      '[watch]\nignore_interfaces = [\n "eth0", # ours\n "no such"\n]',
      'picket.toml:4: watch.ignore_interfaces[1] =',
    ],
    [
      '[allow]\nsources = ["999.1.1.1"]',
      'picket.toml:2: allow.sources[0] = "999.1.1.1": must be an address, CIDR',
    ],
    ['[report.json]\nx = 1', 'picket.toml:1: report.json = {"x":1}: must be one of "off"'],
  ])('refuses %j on the line where it stands', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it('names a banner that is too long', () => {
    expect(refusal(`[connect]\nbanner = "${'x'.repeat(513)}"`)).toContain('must be at most 512 characters');
  });

  it('tells all that is wrong at once', () => {
    expect(refusal('[threshold]\nports = 0\n[block]\nfirewall = "x"').split('\n')).toHaveLength(2);
  });

  it('takes a file that does not exist for the default policy, and refuses one that cannot be read', async () => {
    expect(await loadPolicy('/nonexistent/picket.toml', true)).toEqual(parsePolicy('', ''));
    await expect(loadPolicy('/nonexistent/picket.toml', false)).rejects.toThrow(
      '/nonexistent/picket.toml: there is no such file',
    );
    await expect(loadPolicy('/', true)).rejects.toThrow(/cannot be read \(EISDIR\)/);
  });
});

describe('rulesetPolicy', () => {
  it('leaves out what is not watched and what is ignored', () => {
    const policy = parsePolicy(
      '[watch]\ntcp = "1-1023"\nignore_tcp = "113"\nudp = "0-65535"\nignore_udp = ""',
      'x',
    );
    expect(rulesetPolicy(policy, [32_768, 60_999], true).ignored).toMatchObject({
      tcp: [
        [0, 0],
        [113, 113],
        [1_024, 65_535],
      ],
      udp: [[33_434, 33_534]],
    });
  });
});

describe('interfaces of the kernel engine', () => {
  it('are those whose names Linux can have, and the others are told', () => {
    const policy = parsePolicy('[watch]\nignore_interfaces = ["eth0", "a-name-of-illumos0"]', 'x');
    expect(rulesetPolicy(policy, [32_768, 60_999], true).ignoredInterfaces).toEqual(['eth0']);
    expect(namesNoInterface(policy)).toEqual(['a-name-of-illumos0']);
  });
});

describe('tierFor', () => {
  it('cuts connections only on proof and when the policy says so', () => {
    const [keep, cut] = [parsePolicy('', 'x'), parsePolicy('[block]\nestablished = "cut"', 'x')];
    expect([tierFor(keep, true), tierFor(cut, true), tierFor(cut, false)]).toEqual([
      'held',
      'dropped',
      'held',
    ]);
  });
});
