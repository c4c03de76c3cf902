import { expect, it } from 'vitest';
import { callOf } from './chaos-moment.ts';

/** What strace 6.1 wrote of a process with threads, killed as it entered fdatasync the second time. */
const THREADS = `23468 fdatasync(17</spool/0000000001-trips.seg>) = 0
23469 fdatasync(17</spool/0000000001-trips.seg>) = 0
23468 fdatasync(17</spool/0000000001-trips.seg>) = ?
23470 +++ killed by SIGKILL +++
23468 +++ killed by SIGKILL +++
23448 +++ killed by SIGKILL +++
`;

it('tells the call at which a process was killed, though other threads of it are told to be dead first', () => {
  expect(callOf(THREADS)).toBe('fdatasync(17</spool/0000000001-trips.seg>) = ?');
});

it('tells a call that was under way', () => {
  const text = `12 write(4<pipe:[1]>, "a", 1) = 1\n12 write(9<TCP:[6]>, "HTTP/1.1 202", 12 <unfinished ...>\n12 +++ killed by SIGKILL +++\n`;
  expect(callOf(text)).toBe('write(9<TCP:[6]>, "HTTP/1.1 202", 12 <unfinished ...>');
});
