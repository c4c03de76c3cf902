import { expect, it } from 'vitest';
import { columnSum } from './drops.ts';
import { ticksOf } from './meter.ts';

it('adds up the ticks of a process and of its ended children, whatever its name', () => {
  const stat = '4711 (a b) c) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1 0 999';
  expect(ticksOf(stat)).toBe(127);
  expect(ticksOf('')).toBe(0);
});

it('adds up the drops of netlink sockets', () => {
  const text = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
000000009b2d2484 12  0          00000000 0        0        0     2        7        4
00000000aa962a0d 12  4711       00000000 0        0        0     2        11059    480
`;
  expect(columnSum(text, /^drops$/i)).toBe(11_066);
});

it('adds up the drops of raw sockets, whose head has more names than their lines have fields', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
    6: 00000000:0006 00000000:0000 07 00000000:00034B00 00:00000000 00000000     0        0 31066 2 00000000a1b2c3d4 49399
`;
  expect(columnSum(text, /^drops$/i)).toBe(49_399);
  expect(columnSum(text.split('\n')[0] ?? '', /^drops$/i)).toBe(0);
});
