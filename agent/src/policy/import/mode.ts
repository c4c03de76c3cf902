import type { Remark, Setting } from './lines.ts';

/** The two families of PortSentry: 1.x, which ended with 1.2 in 2003, and 2.x, which began in 2025. */
export type Generation = 1 | 2;

/**
 * How PortSentry watched a transport: not at all (`off`), by `bound` sockets, by raw packets to the ports of a list
 * (`listed`), or to all unused ports `below` a number.
 */
export type WatchMode = 'off' | 'bound' | 'listed' | 'below';

/** Words for the modes: 1.x's options without the dash, 2.x's options without the dashes, and `none`. */
const MODES: Readonly<Record<string, WatchMode>> = {
  ...{ '': 'off', none: 'off', connect: 'bound', tcp: 'bound', udp: 'bound' },
  ...{ stealth: 'listed', stcp: 'listed', sudp: 'listed', atcp: 'below', audp: 'below' },
};

/** What `--tcp-mode` and `--udp-mode` allow. */
export const TCP_MODES = ['tcp', 'stcp', 'atcp', 'connect', 'stealth', 'none'] as const;
export const UDP_MODES = ['udp', 'sudp', 'audp', 'connect', 'stealth', 'none'] as const;

/** A mode and the words that say where it comes from. */
export interface ChosenMode {
  readonly mode: WatchMode;
  readonly because: string;
}

/** Which PortSentry a portsentry.conf is for, and by what that was told. */
export function generationOf(
  confText: string,
  settings: readonly Setting[],
): { generation: Generation; because: string } {
  const advanced = settings.find(({ key }) => key.startsWith('ADVANCED_'));
  if (advanced !== undefined) return { generation: 1, because: `it has ${advanced.key}` };
  const title = /^#.*portsentry\s+(\d)\.\d.*$/im.exec(confText)?.[1];
  if (title === '2') return { generation: 2, because: 'its title says so' };
  const ranged = settings.find(({ key, value }) => /^(?:TCP|UDP)_PORTS$/.test(key) && value.includes('-'));
  if (ranged !== undefined) return { generation: 2, because: `${ranged.key} has ranges` };
  return { generation: 1, because: 'nothing speaks for 2.x' };
}

/** The mode of a transport: as asked for, else of Debian's start file, else the default of the generation. */
export function modeOf(
  transport: 'tcp' | 'udp',
  {
    asked,
    startup,
    generation,
  }: { asked?: string | undefined; startup?: readonly Setting[] | undefined; generation: Generation },
): { chosen: ChosenMode; remarks: Remark[] } {
  if (asked !== undefined)
    return {
      chosen: { mode: MODES[asked] ?? 'bound', because: `--${transport}-mode ${asked}` },
      remarks: [],
    };
  const key = `${transport.toUpperCase()}_MODE`;
  const setting = startup?.findLast((one) => one.key === key);
  if (startup !== undefined && setting === undefined)
    return { chosen: { mode: 'off', because: `${key} is not set` }, remarks: [] };
  const allowed = ['', transport, `s${transport}`, `a${transport}`];
  const mode = setting !== undefined && allowed.includes(setting.value) ? MODES[setting.value] : undefined;
  if (setting !== undefined && mode !== undefined)
    return { chosen: { mode, because: `${key}="${setting.value}"` }, remarks: [] };
  const fallback: ChosenMode =
    generation === 2
      ? { mode: 'listed', because: "PortSentry 2.x's default, --stealth" }
      : { mode: 'bound', because: `Debian's default, ${key}="${transport}"` };
  if (setting === undefined) return { chosen: fallback, remarks: [] };
  const words = `no mode of PortSentry, which are ${allowed.slice(1).join(', ')}; taken: ${fallback.because}`;
  return { chosen: fallback, remarks: [{ kind: 'unread', at: setting, words }] };
}
