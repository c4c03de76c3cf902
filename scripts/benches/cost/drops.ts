import type { Lab } from '../../lab/lab.ts';
import { VICTIM } from '../lab/victim.ts';

/**
 * Packets that the kernel could not hand to whoever watches, by sockets' own counters in the victim's namespace: raw
 * sockets and netlink (NFLOG). Packet sockets have no counter that others can read.
 */
export async function socketDrops(lab: Lab): Promise<number> {
  const read = (file: string) => lab.mustExec(VICTIM, ['cat', `/proc/net/${file}`]);
  const tables = await Promise.all(['raw', 'raw6', 'netlink'].map(read));
  return tables.reduce((sum, text) => sum + columnSum(text, /^drops$/i), 0);
}

/**
 * Sum of a column of a table in /proc/net, whose first line names the columns. Counted from the end: in `raw` two names
 * stand over one field (`tx_queue rx_queue`), and `drops` comes after them.
 */
export function columnSum(text: string, name: RegExp): number {
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.trim().split(/\s+/);
  const fromEnd = names.length - names.findIndex((each) => name.test(each));
  return lines.reduce((sum, line) => sum + (Number(line.trim().split(/\s+/).at(-fromEnd)) || 0), 0);
}
