import { describe, expect, it } from 'vitest';
import { rulesetPolicy, tierFor } from './derive.ts';
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
      '[block]\nfirewall = "pf"',
      'picket.toml:2: block.firewall = "pf": must be one of "auto", "nftables", "log-only"',
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
      'picket.toml:2: unknown key "block.durations"; allowed here: firewall, duration, established',
    ],
    ['state_dir = "here"', 'picket.toml:1: state_dir = "here": must be an absolute path'],
    ['[block\n', 'picket.toml:1: '],
  ])('refuses %j naming file, line, key, value and what is allowed', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it('tells all that is wrong at once', () => {
    expect(refusal('[threshold]\nports = 0\n[block]\nfirewall = "x"').split('\n')).toHaveLength(2);
  });

  it('takes a file that does not exist for the default policy, and refuses one that cannot be read', async () => {
    expect(await loadPolicy('/nonexistent/picket.toml')).toEqual(parsePolicy('', ''));
    await expect(loadPolicy('/')).rejects.toThrow(/cannot be read \(EISDIR\)/);
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
      udp: [],
    });
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
