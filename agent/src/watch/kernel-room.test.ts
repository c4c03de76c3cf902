import { expect, it } from 'vitest';
import { RULESET_POLICY } from '../firewall/contract.ts';
import { ROOM_AT } from '../nft/counting.ts';
import type { Outcome } from '../run/runner.ts';
import { createRoom } from './kernel-room.ts';

/** Room over an nft that answers as told; it says how often it was run. */
function roomOver(answers: (Outcome | Error)[]) {
  const state = { runs: 0, said: [] as string[] };
  const run = async () => {
    state.runs++;
    const answer = answers.shift() ?? { status: 0, stdout: '', stderr: '' };
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const deps = { run, ruleset: RULESET_POLICY, now: () => 5_000, log: (m: string) => state.said.push(m) };
  return { room: createRoom(deps), state };
}

it('makes room once it is short, and not before', async () => {
  const { room, state } = roomOver([]);
  room.note(ROOM_AT - 1);
  await room.keep([]);
  expect(state.runs).toBe(0);
  room.note(1);
  await room.keep([]);
  await room.keep([]);
  expect([state.runs, room.forgotten]).toEqual([1, ROOM_AT]);
});

it('tries again when nft refused or hung: full sets count nobody new', async () => {
  const { room, state } = roomOver([
    { status: 1, stdout: '', stderr: 'Device or resource busy' },
    new Error('nft: no end after 15 s'),
  ]);
  room.note(ROOM_AT);
  for (let i = 0; i < 3; i++) await room.keep([]);
  expect([state.runs, room.forgotten]).toEqual([3, ROOM_AT]);
  expect(state.said[0]).toContain('Device or resource busy');
  expect(state.said[1]).toContain('no end after 15 s');
});
