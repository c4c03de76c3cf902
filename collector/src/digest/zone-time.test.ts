import { expect, test } from 'vitest';
import { knownZone, timeWriter } from './zone-time.ts';

const now = Date.parse('2026-11-23T10:00:00Z');
const at = (iso: string) => Date.parse(iso);

test('times are told in the zone of the network and in UTC', () => {
  const times = timeWriter('Europe/Berlin', now);
  expect(times.minute(now)).toBe('2026-11-23 11:00 (10:00 UTC)');
  expect(times.second(at('2026-11-23T09:12:04Z'))).toBe('10:12:04 (09:12:04 UTC)');
  expect(times.span(at('2026-11-23T09:12:04Z'), at('2026-11-23T09:13:00Z'))).toBe(
    '10:12:04 to 10:13:00 (09:12:04 to 09:13:00 UTC)',
  );
});

test('a network in UTC is told each time once', () => {
  const times = timeWriter('UTC', now);
  expect(times.minute(now)).toBe('2026-11-23 10:00 UTC');
  expect(times.span(now - 86_400_000, now)).toBe('2026-11-22 10:00:00 to 2026-11-23 10:00:00 UTC');
});

test('a date is told where it is not the one of the mail, and in UTC where it is not the local one', () => {
  const times = timeWriter('Pacific/Auckland', now);
  expect(times.second(at('2026-11-23T14:03:12Z'))).toBe('2026-11-24 03:03:12 (2026-11-23 14:03:12 UTC)');
  expect(times.minute(at('2026-11-23T14:03:12Z'))).toBe('2026-11-24 03:03 (2026-11-23 14:03 UTC)');
});

test('zones with half hours, and the hour that a change of the clock repeats, stay unambiguous through UTC', () => {
  expect(timeWriter('Asia/Kolkata', now).minute(now)).toBe('2026-11-23 15:30 (10:00 UTC)');
  const berlin = timeWriter('Europe/Berlin', at('2026-10-25T00:30:00Z'));
  expect(berlin.second(at('2026-10-25T00:30:00Z'))).toBe('02:30:00 (00:30:00 UTC)');
  expect(berlin.second(at('2026-10-25T01:30:00Z'))).toBe('02:30:00 (01:30:00 UTC)');
});

test('a zone that this runtime does not know is told in UTC', () => {
  expect(knownZone('Mars/Olympus')).toBe('UTC');
  expect(timeWriter('Mars/Olympus', now).minute(now)).toBe('2026-11-23 10:00 UTC');
});
