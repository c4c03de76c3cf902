import type { Lab } from '../../lab/lab.ts';
import { VICTIM } from '../lab/victim.ts';

/** Where one scan takes place. */
export type Field = {
  lab: Lab;
  family: 4 | 6;
  /** The address that scans, one of the scanner's own: fresh for each cell. */
  source: string;
  /** The victim's first address. */
  target: string;
  /** Tells files of cells apart. */
  label: string;
};

/** Longest an nmap may take, ms; its own time limit comes first. */
const NMAP_MS = 90_000;

/**
 * As fast as the victim lets it, and never slower than 1000 probes a second, so that a scan of a host that has fallen
 * silent ends. No port is tried twice.
 */
const PACE = ['-T4', '--min-rate', '1000', '--host-timeout', '20s'] as const;

/** nmap's first thousand ports; the open ones are among them. */
const PORTS = ['-p', '1-1000'] as const;

/** Runs nmap from the field's source at its full pace. */
export const nmap =
  (...how: string[]) =>
  (field: Field): Promise<void> =>
    nmapAt(field, [field.target], [...PACE, ...how]);

/** The same over the first thousand ports. */
export const nmapPorts = (...how: string[]) => nmap(...how, ...PORTS);

/** Runs nmap against some of the victim's addresses. */
export async function nmapAt(
  field: Field,
  targets: readonly string[],
  how: readonly string[],
): Promise<void> {
  const { lab, family, source } = field;
  const common = ['-n', '-Pn', '--max-retries', '0', '-S', source, '-e', 'eth0'];
  const argv = ['nmap', ...(family === 6 ? ['-6'] : []), ...common, ...how, ...targets];
  await lab.mustExec('scanner', argv, { timeoutMs: NMAP_MS });
}

/** A connect scan takes the address that the routing gives it: `-S` is for raw packets. */
export async function connectScan(field: Field): Promise<void> {
  const { lab, family, source, target } = field;
  const route = [...(family === 6 ? ['-6'] : []), 'route'];
  const host = `${target}/${family === 6 ? 128 : 32}`;
  await lab.mustExec('scanner', ['ip', ...route, 'replace', host, 'dev', 'eth0', 'src', source]);
  try {
    await nmapPorts('-sT')(field);
  } finally {
    await lab.mustExec('scanner', ['ip', ...route, 'delete', host]);
  }
}

/** The victim as the scanner's wire knows it, for frames made by hand. */
export const victimOf = (lab: Lab) => lab.node(VICTIM);
