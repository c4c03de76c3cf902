import { expect, it } from 'vitest';
import { parseCall } from './args.ts';

it.each([
  [['run'], { command: 'run', config: '/etc/picket/picket.toml' }],
  [['down', '--config', 'x'], { command: 'down', config: 'x' }],
  [
    ['enroll', '--join-key-file', '-'],
    { command: 'enroll', config: '/etc/picket/picket.toml', joinKeyFile: '-' },
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
  [['run', '--join-key-file', 'x'], '--join-key-file belongs to enroll, not to run'],
])('refuses %j and says why', (args, reason) => {
  expect(parseCall(args)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
