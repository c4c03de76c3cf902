import type { Facts, HostAct, PeoplesBlock } from './facts.ts';
import { foreign } from './foreign.ts';
import type { Card, Letter, Section } from './letter.ts';
import { briefCard, scannerCard } from './scanner-card.ts';
import { subjectOf, summaryOf } from './summary.ts';
import { number, plural } from './words.ts';
import { knownZone, type TimeWriter, timeWriter } from './zone-time.ts';

/** A mail sent later than this after its hour says so, ms. Ten minutes: less is what greylisting takes. */
export const LATE_MS = 600_000;

/** Scanners told in full; those after them get two lines each, so that a long mail can still be read. */
const DETAILED = 10;

/** What differs between two tries to send the same facts. */
export type Sending = { atMs: number; attempt: number };

/**
 * The letter that tells the facts.
 *
 * @param shown most scanners told one by one
 */
export function compose(facts: Facts, sending: Sending, shown: number): Letter {
  const times = timeWriter(facts.network.zone, facts.hourMs);
  return {
    subject: subjectOf(facts),
    heading: `Picket, network ${foreign(facts.network.name, 60)}`,
    dateline: times.minute(facts.hourMs),
    notices: [...observing(facts, times), ...lateness(facts, sending, times)],
    summary: summaryOf(facts, times),
    sections: [attackAlerts(facts, times, shown), byHand(facts, times), onHosts(facts, times)].filter(
      hasContent,
    ),
    footer: footer(facts, times),
  };
}

/** Whoever reads on must not believe that anybody was blocked. */
function observing({ observe }: Facts, times: TimeWriter): string[] {
  if (observe === undefined) return [];
  const until = observe.untilMs === null ? '' : ` until ${times.minute(observe.untilMs)}`;
  return [`This network is in observe mode${until}: scanners are told, and no host is to block them.`];
}

function lateness(facts: Facts, { atMs, attempt }: Sending, times: TimeWriter): string[] {
  if (atMs - facts.hourMs < LATE_MS) return [];
  const why = attempt > 1 ? `it took ${number(attempt)} tries` : 'Picket could not send it before';
  return [`This mail is late: due at ${times.minute(facts.hourMs)}, sent at ${times.minute(atMs)}; ${why}.`];
}

function attackAlerts(facts: Facts, times: TimeWriter, shown: number): Section {
  const told = facts.scanners.slice(0, shown);
  const lines: string[] = [];
  const left = facts.totals.scanners - told.length;
  if (left > 0) {
    const probes = facts.totals.probes - told.reduce((sum, { probes }) => sum + probes, 0);
    const more = told.length === 0 ? plural(left, 'scanner') : plural(left, 'more scanner');
    lines.push(
      `${more} with ${plural(probes, 'probe')}, too many to tell here: "picket sources" lists them.`,
    );
  }
  const { sources, probes, hosts } = facts.below;
  if (sources > 0) {
    const since = facts.previousMs === null ? '' : ' since the last mail';
    const seen = `${plural(sources, 'source')} with ${plural(probes, 'probe')} on ${plural(hosts, 'host')}`;
    lines.push(`Below the threshold${since}: ${seen}, not blocked.`);
  }
  const cards = told.map((scanner, i) => (i < DETAILED ? scannerCard : briefCard)(scanner, facts, times));
  return { title: 'Active System Attack Alerts', cards, lines };
}

function byHand({ people, hosts }: Facts, times: TimeWriter): Section {
  const cards = people.blocks.map((block): Card => {
    const rows = [
      { label: 'By', lines: [foreign(block.author)] },
      { label: 'When', lines: [times.span(block.atMs, block.untilMs)] },
      { label: 'Why', lines: [foreign(block.reason, 200)] },
    ];
    return { title: block.source, badge: handBadge(block, hosts), tone: 'calm', rows };
  });
  const left = people.added - people.blocks.length;
  const lines =
    left > 0 ? [`${plural(left, 'more source')} blocked by hand: "picket blocks" lists them.`] : [];
  if (people.lifted > 0)
    lines.push(`${plural(people.lifted, 'block was', 'blocks were')} lifted before the end.`);
  return { title: 'Blocks by hand', cards, lines };
}

const ACTS: Readonly<Record<HostAct['act'], string>> = {
  block: 'blocked',
  unblock: 'unblocked',
  allow: 'allowed',
  disallow: 'no longer allows',
};

/** What people did on single hosts, for those alone. */
function onHosts({ acts }: Facts, times: TimeWriter): Section {
  const lines = (acts?.last ?? []).map(({ host, act, source, by, atMs, untilMs }) => {
    const until = untilMs === null ? '' : ` until ${times.minute(untilMs)}`;
    return `${times.second(atMs)}: ${foreign(by)} ${ACTS[act]} ${source} on ${foreign(host)}${until}.`;
  });
  const left = (acts?.count ?? 0) - lines.length;
  if (left > 0) lines.push(`${plural(left, 'more order')} on hosts.`);
  return { title: 'Done on single hosts', cards: [], lines };
}

const handBadge = ({ hostsInForce }: PeoplesBlock, hosts: number) =>
  `in force on ${number(hostsInForce)} of ${plural(hosts, 'host')}`;

const hasContent = ({ cards, lines }: Section) => cards.length + lines.length > 0;

function footer(facts: Facts, times: TimeWriter): string[] {
  const last =
    facts.previousMs === null
      ? 'no mail before'
      : `the last mail was due at ${times.minute(facts.previousMs)}`;
  const zone = knownZone(facts.network.zone);
  return [
    `Tells what no earlier mail told (${last}).`,
    zone === 'UTC'
      ? 'All times are UTC.'
      : `Times are those of ${foreign(zone)}, in brackets UTC, by the clocks of the hosts.`,
    facts.asked
      ? 'Sent because a person asked for it; the hourly mail goes on with what comes after.'
      : 'One mail an hour at most, and none when there is nothing to tell.',
  ];
}
