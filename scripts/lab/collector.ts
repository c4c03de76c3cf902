import { join, resolve } from 'node:path';
import type { Lab } from './lab.ts';
import type { Running } from './run.ts';
import { waitFor } from './wait.ts';

const DIST = resolve(import.meta.dirname, '../../collector/dist');

const PORT = 8440;

/** Time for a collector to answer, ms: the first start makes a database. */
const READY_MS = 60_000;

/** Where the collector of a lab keeps its data and sends its mails. */
export type CollectorOptions = {
  smtpUrl: string;
  /** Undefined: its own private PostgreSQL, in the lab's folder. */
  databaseUrl?: string;
};

/** The collector on its node, as an administrator has it: the shipped program and its command line. */
export type Collector = {
  url: string;
  /** Starts the program and waits until it is ready. */
  start: () => Promise<void>;
  /** Sends the program a signal and waits for its end. */
  kill: (signal: NodeJS.Signals) => Promise<void>;
  /** Process of the running program itself. */
  pid: () => number;
  /** Folder with its private database, if it has one. */
  dataDir: string;
  /** Runs `picket …` beside it and returns what it printed. Throws when the command fails. */
  picket: (...argv: string[]) => Promise<string>;
};

/** Prepares a collector; nothing runs before its `start`. */
export function prepareCollector(lab: Lab, { smtpUrl, databaseUrl }: CollectorOptions): Collector {
  const { v4 } = lab.node('collector');
  const url = `http://${v4}:${PORT}`;
  const dataDir = join(lab.folder, 'collector');
  const env = {
    PATH: process.env.PATH,
    PICKET_LISTEN: `${v4}:${PORT}`,
    PICKET_PUBLIC_URL: url,
    PICKET_DATA_DIR: dataDir,
    PICKET_MAIL_FROM: 'picket@example.net',
    SMTP_URL: smtpUrl,
    ...(databaseUrl && { DATABASE_URL: databaseUrl }),
  };
  let running: Running | undefined;
  return {
    url,
    start: async () => {
      running = lab.spawn('collector', 'collector', [process.execPath, join(DIST, 'collector.mjs')], { env });
      await running.unlessEnded(waitFor('the collector to be ready', () => isReady(lab, url), READY_MS));
    },
    kill: async (signal) => {
      await running?.kill(signal);
    },
    pid: () => {
      if (running === undefined) throw new Error('the collector was not started');
      return running.pid;
    },
    dataDir,
    picket: (...argv) =>
      lab.mustExec('collector', [process.execPath, join(DIST, 'picket.mjs'), ...argv], { env }),
  };
}

/** From inside the lab: the machine itself has no way to the collector. */
async function isReady(lab: Lab, url: string): Promise<boolean> {
  const script = 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))';
  const { status } = await lab.exec('collector', [process.execPath, '-e', script, `${url}/readyz`]);
  return status === 0;
}
