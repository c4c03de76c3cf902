/** The figures of a demo, as `--json` writes them. */
export type DemoFigures = {
  /** Probes that host a answered before it blocked the scanner. */
  probesPassed: number;
  /** From the first probe to the block, ms. */
  blockMs: number;
  /** When the other hosts blocked too, ms after host a did. */
  shared: { host: string; msAfterTrip: number }[];
  /** Mails that came for the hour. */
  mails: number;
  /** Whether the innocent client still reaches every listener. */
  innocentOk: boolean;
  /** Whether the scanner still sees an open port of host a. */
  scannerSeesOpenPorts: boolean;
};

/** What is not as it should be; empty when the demo showed what it is for. */
export function faultsOf(figures: DemoFigures): string[] {
  const faults = {
    'the scanner still sees open ports of host a': figures.scannerSeesOpenPorts,
    'the innocent client does not reach every listener': !figures.innocentOk,
    [`${figures.mails} mails came, and not one`]: figures.mails !== 1,
  };
  return Object.entries(faults).flatMap(([fault, isThere]) => (isThere ? [fault] : []));
}

/** The end of the demo, for somebody who sees Picket for the first time. */
export function summaryOf(figures: DemoFigures): string {
  const { probesPassed, blockMs, shared } = figures;
  const others = shared.map(({ host, msAfterTrip }) => `${host} ${msAfterTrip} ms`).join(', ');
  return [
    `A scanner asked host a which of its ports are open. Host a answered ${probesPassed} probes; ${blockMs} ms after the`,
    `first one its kernel refused the scanner. The hosts it had not reached yet refused it too: ${others}`,
    'after host a did. A client that means no harm noticed nothing. Whoever looks after these hosts got one mail.',
  ].join('\n');
}
