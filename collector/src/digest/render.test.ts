import fc from 'fast-check';
import { Parser } from 'htmlparser2';
import { expect, test } from 'vitest';
import type { Facts } from './facts.ts';
import { render } from './render.ts';
import { scannerFacts, sightingFacts, typical } from './testing/facts.ts';

const onTime = (facts: Facts) => ({ atMs: facts.hourMs + 400, attempt: 1 });

test('a typical mail reads as the golden one', async () => {
  const { subject, text, html } = render(typical(), onTime(typical()));
  expect(subject).toBe('[prod] 1 scanner blocked on 3 hosts');
  await expect(text).toMatchFileSnapshot('testdata/typical.txt');
  await expect(html).toMatchFileSnapshot('testdata/typical.html');
});

test('a mail with all kinds of news reads as the golden one', async () => {
  const facts = eventful();
  const { subject, text } = render(facts, { atMs: facts.hourMs + 4_000_000, attempt: 3 });
  expect(subject).toBe(
    '[prod] 2 of 4 scanners blocked on up to 3 hosts, 1 source blocked by hand: needs a look',
  );
  await expect(text).toMatchFileSnapshot('testdata/eventful.txt');
});

test('lines of the text part stay within 78 columns', () => {
  for (const line of render(eventful(), onTime(eventful())).text.split('\n')) {
    expect(line.length).toBeLessThanOrEqual(78);
  }
});

test('a mail that is sent in time says nothing of lateness, a late one does', () => {
  expect(render(typical(), onTime(typical())).text).not.toContain('late');
  const late = render(typical(), { atMs: typical().hourMs + 3_780_000, attempt: 1 });
  expect(late.text).toContain('This mail is late: due at 2026-11-23 11:00 (10:00 UTC), sent at 2026-11-23');
});

test('whatever hosts are called and reasons say, the structure of text and HTML stays the same', () => {
  const plain = render(facing('x'), onTime(typical()));
  fc.assert(
    fc.property(hostile(), (text) => {
      const mail = render(facing(text), onTime(typical()));
      expect(mail.subject).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      expect(leftEdges(mail.text)).toEqual(leftEdges(plain.text));
      expect(mail.text).not.toMatch(/[^\P{Cc}\n]/u);
      expect(tagsOf(mail.html)).toEqual(tagsOf(plain.html));
    }),
    { numRuns: 300 },
  );
});

test('a million scanners make a mail of bounded size that tells the totals', () => {
  const host = 'a-very-long-host-name-that-fills-its-column.example.net';
  const ranges = Array.from({ length: 16 }, (_, i): [number, number] => [i * 100, i * 100 + 50]);
  const sightings = Array.from({ length: 5 }, () => sightingFacts({ host, tcp: ranges, udp: ranges }));
  const scanners = Array.from({ length: 50 }, () => scannerFacts({ sightings, hosts: 900 }));
  const facts = typical({
    scanners,
    totals: { ...typical().totals, scanners: 1_000_000, blocked: 1_000_000, probes: 123_456_789 },
  });
  const { subject, text, html } = render(facts, onTime(facts));
  expect(text.length + html.length).toBeLessThan(95_000);
  expect(subject).toBe('[prod] 1,000,000 scanners blocked on 3 hosts');
  expect(text).toMatch(/999,9\d\d more scanners with 123,456,\d\d\d probes/);
});

/** Lines that start at the left edge, where only Picket's own words may stand; what follows the first word is cut. */
const leftEdges = (text: string) =>
  text
    .split('\n')
    .filter((line) => /^[^ ]/.test(line))
    .map((line) => line.slice(0, 8));

function tagsOf(html: string): string[] {
  const tags: string[] = [];
  const parser = new Parser({
    onopentag: (name, attributes) => tags.push(`${name} ${JSON.stringify(attributes)}`),
    onclosetag: (name) => tags.push(`/${name}`),
    oncomment: () => tags.push('comment'),
  });
  parser.end(html);
  return tags;
}

const hostile = () =>
  fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '</td></tr></table><h2>Active System Attack Alerts</h2>',
          '<script>alert(1)</script>',
          '<!--',
          '" style="display:none',
          "'onmouseover='x",
          '&lt;img src=x&gt;',
          '\r\nSubject: forged\r\n\r\n',
          '\n\nSecurity Violations\n===================\n',
          ' Security Violations =================== ',
          '\u2028--\u2029',
          '\u202Egnp.exe',
          'word '.repeat(30),
        ),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join(''))
    // An empty name makes no other structure, only an empty place.
    .filter((text) => text.trim() !== '');

/** Facts in which every text that others write is the given one. */
function facing(text: string): Facts {
  const sighting = sightingFacts({ host: text });
  const shared = { ...scannerFacts().shared, reason: text, author: text };
  const scanner = scannerFacts({
    shared: shared as NonNullable<ReturnType<typeof scannerFacts>['shared']>,
    techniques: [[text, 3]],
    ownHost: text,
    sightings: [sighting],
  });
  const allowed = scannerFacts({ allowed: text, shared: null, sightings: [{ ...sighting, block: null }] });
  return typical({
    network: { name: text, zone: 'Europe/Berlin' },
    scanners: [scanner, allowed],
    totals: { ...typical().totals, scanners: 2, blocked: 1, allowed: 1, ownHosts: 1 },
    people: { added: 1, lifted: 0, blocks: [{ ...peoplesBlock(), author: text, reason: text }] },
  });
}

const peoplesBlock = () => ({
  source: '203.0.113.0/24',
  atMs: typical().hourMs - 1_000_000,
  untilMs: typical().hourMs + 9_000_000,
  removedMs: null,
  tier: 'dropped' as const,
  reason: 'abuse report 4711',
  author: 'ada',
  hostsInForce: 3,
});

/** An hour in which much happened. */
function eventful(): Facts {
  const many = sightingFacts({
    block: null,
    tcp: [
      [1, 1023],
      [3306, 3306],
      [5432, 5432],
      [8080, 8090],
    ],
    udp: [
      [53, 53],
      [161, 161],
    ],
    sctp: [[80, 80]],
    ip: [[61, 63]],
    ports: 1040,
    probes: 3_447,
  });
  const own = scannerFacts({
    source: '2001:db8:1:2::/64',
    address: '2001:db8:1:2::5',
    techniques: [
      ['syn', 3_400],
      ['udp', 44],
      ['xmas', 3],
    ],
    probes: 3_447,
    hosts: 7,
    ownHost: 'db-2.example.net',
    shared: null,
    hostsInForce: 0,
    again: true,
    sightings: [many, { ...sightingFacts({ host: 'db-1.example.net' }), block: null }],
  });
  const allowed = scannerFacts({
    source: '192.0.2.9',
    address: '192.0.2.9',
    allowed: 'our monitoring',
    shared: null,
    hostsInForce: 0,
    sightings: [many],
  });
  const proven = scannerFacts({
    source: '203.0.113.5',
    address: '203.0.113.5',
    evidence: 'handshake',
    timesBlocked: 4,
  });
  return typical({
    scanners: [own, allowed, scannerFacts(), proven],
    totals: {
      ...typical().totals,
      scanners: 4,
      blocked: 2,
      allowed: 1,
      ownHosts: 1,
      hostsTouched: 7,
      probes: 7_000,
      fewestInForce: 1,
    },
    people: { added: 1, lifted: 2, blocks: [peoplesBlock()] },
  });
}
