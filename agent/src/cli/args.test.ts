import { expect, it } from 'vitest';
import { parseCall } from './args.ts';

it.each([
  [['run'], { command: 'run', config: '/etc/picket/picket.toml' }],
  [['down', '--config', 'x'], { command: 'down', config: 'x' }],
  [
    ['enroll', '--join-key-file', '-'],
    { command: 'enroll', config: '/etc/picket/picket.toml', joinKeyFile: '-', newIdentity: false },
  ],
  [
    ['enroll', '--new-identity', '--config', 'x'],
    { command: 'enroll', config: 'x', joinKeyFile: undefined, newIdentity: true },
  ],
  [['rotate-key'], { command: 'rotate-key', config: '/etc/picket/picket.toml' }],
  [['status', '--json'], { command: 'status', config: '/etc/picket/picket.toml', json: true, watch: false }],
  [
    ['explain', '2001:db8::1'],
    { command: 'explain', config: '/etc/picket/picket.toml', json: false, address: '2001:db8::1' },
  ],
  [['pause'], { command: 'pause', config: '/etc/picket/picket.toml', forMs: 3_600_000 }],
  [['pause', '--for', '2d', '--config', 'x'], { command: 'pause', config: 'x', forMs: 172_800_000 }],
  [['lift', '--all', '--config', 'x'], { command: 'lift', config: 'x' }],
  [['restore'], { command: 'restore', config: '/etc/picket/picket.toml' }],
  [['check'], { command: 'check', config: '/etc/picket/picket.toml', needs: false }],
  [['check', '--needs'], { command: 'check', config: '/etc/picket/picket.toml', needs: true }],
  [['doctor', '--config', 'x'], { command: 'doctor', config: 'x', json: false, transcript: false }],
  [
    ['doctor', '--transcript', '--config', 'x'],
    { command: 'doctor', config: 'x', json: false, transcript: true },
  ],
  [['--version'], { command: 'version' }],
  [['-h'], { command: 'help' }],
])('reads %j', (args, call) => {
  expect(parseCall(args)).toEqual({ ok: true, call });
});

it.each([
  [[], 'no command; one of: run,'],
  [['stop'], 'no command "stop"; one of: run,'],
  [['run', 'now'], 'run: unexpected "now"'],
  [['run', '--fast'], "Unknown option '--fast'"],
  [['explain'], 'explain: ADDRESS is missing'],
  [['explain', 'a', 'b'], 'explain: unexpected "a b"'],
  [['pause', '--for', 'ever'], 'pause: --for must be a duration like'],
  [['pause', '--for', '40d'], 'from 1s to 31d'],
  [['lift'], 'lift: --all is missing'],
  [['run', '--needs'], '--needs belongs to check, not to run'],
  [['run', '--json'], '--json belongs to doctor and status and explain, not to run'],
  [['status', '--json', '--watch'], 'status: either --json or --watch'],
  [['doctor', '--json', '--transcript'], 'doctor: either --json or --transcript'],
  [['run', '--transcript'], '--transcript belongs to doctor, not to run'],
  [['run', '--join-key-file', 'x'], '--join-key-file belongs to enroll, not to run'],
])('refuses %j and says why', (args, reason) => {
  expect(parseCall(args)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
