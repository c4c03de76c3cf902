import { describe, expect, it } from 'vitest';
import { type Ledger, reconcile, type Sent, type Stored } from './chaos-model.ts';

const [SCAN, KNOCK] = ['198.18.0.1', '198.18.0.2'];

const probes = (source: string, ports: readonly number[]): Sent[] =>
  ports.map((port, n) => ({ host: 'a', source, port, atMs: 100_000 + n }));

const LEDGER: Ledger = { sent: [...probes(SCAN, [1, 2, 3, 4]), ...probes(KNOCK, [1, 2])], gaps: [] };

const ROW = {
  ...{ host: 'a', source: SCAN, id: 'one', trippedAtMs: 100_003 },
  ...{ ports: [1, 2, 3, 4], toldPorts: [] },
};

const STORED: Stored = {
  rows: [ROW, { ...ROW, source: KNOCK, id: 'two', trippedAtMs: undefined, ports: [1, 2] }],
  batches: [{ host: 'a', jti: 'first', sightings: ['one', 'two'] }],
  blocks: [{ source: SCAN, isRunning: true, version: 1 }],
  listVersion: 1,
};

/** The agent of the host was dead while the probes came. */
const DEAD = [{ host: 'a', fromMs: 99_000, toMs: 101_000 }];

/** The same with another row for the scan, or several. */
const withRows = (...rows: Stored['rows']): Stored => ({
  ...STORED,
  rows: [...rows, ...STORED.rows.slice(1)],
  batches: [{ host: 'a', jti: 'first', sightings: [...rows.map(({ id }) => id), 'two'] }],
});

describe('what was sent and what is stored', () => {
  it('agree when each event is there once', () => {
    expect(reconcile(LEDGER, STORED)).toEqual([]);
  });

  it('differ by a trip that is lost, also while no agent ran', () => {
    expect(reconcile({ ...LEDGER, gaps: DEAD }, withRows())).toEqual([`${SCAN} on a tripped and is lost`]);
  });

  it('differ by a trip that is told as none', () => {
    expect(reconcile(LEDGER, withRows({ ...ROW, trippedAtMs: undefined }))).toEqual([
      `${SCAN} on a tripped and is told without that`,
    ]);
  });

  it('differ by an event that is there twice, also while no agent ran', () => {
    const twice = withRows(ROW, { ...ROW, id: 'other', ports: [] });
    expect(reconcile({ ...LEDGER, gaps: DEAD }, twice)).toEqual([
      expect.stringContaining(`${SCAN} on a tripped once and has 2 sightings`),
    ]);
  });

  it('differ by an event that nobody caused, and by one of another host', () => {
    const invented = { ...ROW, source: '198.18.9.9', id: 'three' };
    expect(reconcile(LEDGER, withRows(ROW, invented))).toEqual([
      '198.18.9.9 on a is in the database and sent nothing',
    ]);
    expect(reconcile(LEDGER, withRows({ ...ROW, host: 'b' }))).toContain(
      `${SCAN} on b is in the database and sent nothing`,
    );
  });

  it('differ by a wrong time', () => {
    expect(reconcile(LEDGER, withRows({ ...ROW, trippedAtMs: 104_003 }))).toEqual([
      `${SCAN} on a is told to have tripped 4000 ms later`,
    ]);
  });

  it('may differ by the ports of a trip while no agent ran, and only then', () => {
    const bare = withRows({ ...ROW, ports: [1, 2] });
    expect(reconcile({ ...LEDGER, gaps: DEAD }, bare)).toEqual([]);
    expect(reconcile(LEDGER, bare)).toHaveLength(2);
    expect(reconcile({ ...LEDGER, gaps: [{ host: 'b', fromMs: 0, toMs: 1e9 }] }, bare)).toHaveLength(2);
    expect(reconcile({ ...LEDGER, gaps: [{ host: 'a', fromMs: 0, toMs: 99_999 }] }, bare)).toHaveLength(2);
  });

  it('differ by ports that a batch tells and the sighting has lost, also while no agent ran', () => {
    const emptied = withRows({ ...ROW, ports: [], toldPorts: [1, 2] });
    expect(reconcile({ ...LEDGER, gaps: DEAD }, emptied)).toEqual([
      `${SCAN} on a asked for port 1, which was told and is gone`,
      `${SCAN} on a asked for port 2, which was told and is gone`,
    ]);
  });

  it('never agree over a port that nobody asked for', () => {
    expect(reconcile({ ...LEDGER, gaps: DEAD }, withRows({ ...ROW, ports: [9] }))).toEqual([
      `${SCAN} on a never asked for port 9, and is told to have`,
    ]);
  });

  it('may differ by a few probes that did not trip while no agent ran, and only then', () => {
    const without: Stored = {
      ...STORED,
      rows: [ROW],
      batches: [{ host: 'a', jti: 'first', sightings: ['one'] }],
    };
    expect(reconcile({ ...LEDGER, gaps: DEAD }, without)).toEqual([]);
    expect(reconcile(LEDGER, without)).toEqual([`${KNOCK} on a knocked while an agent ran, and is lost`]);
  });

  it('differ by a knock that is told as a trip', () => {
    const [scan, knock] = STORED.rows;
    const rows = [scan, { ...knock, trippedAtMs: 100_001 }] as Stored['rows'];
    expect(reconcile(LEDGER, { ...STORED, rows })).toEqual([
      `${KNOCK} on a never tripped and is told to have`,
    ]);
  });

  it('differ by a batch that is there twice, or without what it tells', () => {
    const [batch] = STORED.batches;
    const batches = [...STORED.batches, { ...batch, sightings: ['gone'] }] as Stored['batches'];
    expect(reconcile(LEDGER, { ...STORED, batches })).toEqual([
      'batch a first is there twice',
      'sighting a gone is in a batch and has no row',
    ]);
    expect(reconcile(LEDGER, { ...STORED, batches: [] })).toHaveLength(2);
  });

  it('differ by a block that is missing, too many, lifted, or ahead of its list', () => {
    expect(reconcile(LEDGER, { ...STORED, blocks: [] })).toEqual([`${SCAN} tripped and has no shared block`]);
    const lifted = [{ source: SCAN, isRunning: false, version: 1 }];
    expect(reconcile(LEDGER, { ...STORED, blocks: lifted })).toHaveLength(1);
    const more = [...STORED.blocks, { source: KNOCK, isRunning: true, version: 2 }];
    expect(reconcile(LEDGER, { ...STORED, blocks: more })).toEqual([
      `${KNOCK} never tripped and is blocked`,
      `the block of ${KNOCK} is of a version that the list never had`,
    ]);
  });
});
