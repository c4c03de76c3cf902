/** A wall-clock time: `2026-11-23` and `11:03:12`. */
type WallTime = { date: string; time: string };

/** The zone itself, or UTC where this runtime does not know it: a mail in UTC is better than no mail. */
export function knownZone(zone: string): string {
  try {
    new Intl.DateTimeFormat('en-CA', { timeZone: zone });
    return zone;
  } catch {
    return 'UTC';
  }
}

/** How a mail writes times: ISO 8601 dates and 24 hours, in the network's zone and then in UTC. */
export type TimeWriter = {
  /** `2026-11-23 11:00 (10:00 UTC)`. */
  minute(atMs: number): string;
  /** `11:03:12 (10:03:12 UTC)`; with the date when that is not the mail's. */
  second(atMs: number): string;
  /** `11:03:12 to 11:04:00 (10:03:12 to 10:04:00 UTC)`. */
  span(fromMs: number, toMs: number): string;
};

/**
 * @param zone IANA zone of the network
 * @param nowMs the mail's own time, Unix ms: its date is not repeated
 */
export function timeWriter(zone: string, nowMs: number): TimeWriter {
  const [local, utc] = [wallClock(knownZone(zone)), wallClock('UTC')];
  const today = local(nowMs).date;
  const span = (fromMs: number, toMs: number) => {
    const [from, to, utcFrom, utcTo] = [local(fromMs), local(toMs), utc(fromMs), utc(toMs)];
    // A date goes without saying only when it was said: the mail's, the local one of the moment, or the one before.
    const here = range(stamp(from, today), fromMs === toMs ? undefined : stamp(to, from.date));
    if (isSame(from, utcFrom) && isSame(to, utcTo)) return `${here} UTC`;
    const there = range(stamp(utcFrom, from.date), fromMs === toMs ? undefined : stamp(utcTo, utcFrom.date));
    return `${here} (${there} UTC)`;
  };
  return {
    minute(atMs) {
      const [here, there] = [local(atMs), utc(atMs)];
      const text = stamp(here, '').slice(0, -3);
      return isSame(here, there) ? `${text} UTC` : `${text} (${stamp(there, here.date).slice(0, -3)} UTC)`;
    },
    second: (atMs) => span(atMs, atMs),
    span,
  };
}

const stamp = ({ date, time }: WallTime, saidDate: string) => (date === saidDate ? time : `${date} ${time}`);

const range = (from: string, to?: string) => (to === undefined || to === from ? from : `${from} to ${to}`);

const isSame = (a: WallTime, b: WallTime) => a.date === b.date && a.time === b.time;

function wallClock(timeZone: string): (atMs: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  return (atMs) => {
    const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return {
      date: `${part.year}-${part.month}-${part.day}`,
      time: `${part.hour}:${part.minute}:${part.second}`,
    };
  };
}
