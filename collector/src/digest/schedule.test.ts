import { expect, test } from 'vitest';
import { listOf, messageIdOf } from './envelope.ts';
import { hourOf, isOnTime, momentOf, retryMs } from './schedule.ts';

const TEN = Date.parse('2026-11-23T10:00:00Z');
const MINUTE = 60_000;

test('a run is for the hour before it, or for the one that its early timer was set for', () => {
  expect(hourOf(TEN)).toBe(TEN);
  expect(hourOf(TEN + 59 * MINUTE)).toBe(TEN);
  expect(hourOf(TEN - 30)).toBe(TEN);
  expect(hourOf(TEN - MINUTE)).toBe(TEN - 60 * MINUTE);
});

test('a run is on time around the full hour only', () => {
  expect([TEN - 30, TEN, TEN + 59_999].map(isOnTime)).toEqual([true, true, true]);
  expect([TEN - MINUTE, TEN + MINUTE, TEN + 37 * MINUTE].map(isOnTime)).toEqual([false, false, false]);
});

test('a digest that a person asks for never has the key of an hourly one', () => {
  expect(momentOf(TEN)).toBe(TEN + 1);
  expect(momentOf(TEN + 5)).toBe(TEN + 5);
});

test('the wait after a failed try doubles up to an hour', () => {
  expect([1, 2, 3, 7, 60].map((attempt) => retryMs(attempt) / MINUTE)).toEqual([1, 2, 4, 60, 60]);
});

test('Message-ID and list are made of network, hour and the domain that mails come from', () => {
  const id = '01939a7b-0000-7000-8000-000000000001';
  expect(messageIdOf(id, TEN, 'Picket <picket@example.net>')).toBe(`<20261123T100000000Z.${id}@example.net>`);
  expect(messageIdOf(id, TEN + 1, 'picket@example.net')).toBe(`<20261123T100000001Z.${id}@example.net>`);
  expect(listOf(id, 'prod\r\nBcc: x', 'picket@host')).toEqual({
    id: `${id}.picket.host`,
    name: 'Picket prod Bcc: x',
  });
});
