import type { StandIn } from '../run/staying-runner.ts';

/**
 * ipset that stays. Its lines go to the kernel at once, where `restore` gathers those of one set until another comes; and
 * after one that fails it goes on, where `restore` ends. So only lines that stand for themselves are for it: an allow list
 * that is not whole must not be swapped in. A word that is no command would have it forget `-exist` (ipset 7.17,
 * lib/ipset.c), so the mark is an option that does not exist.
 */
export const IPSET_STAYS: StandIn = {
  name: 'ipset -',
  argv: ['ipset', '-exist', '-'],
  of: ['ipset', '-exist', 'restore'],
  takes: /^(?:add|del) picket_\w+ [0-9a-f.:/]+(?: timeout \d+)?$/,
  // It keeps nothing of them: no kB more after 100,000.
  mostLines: Number.POSITIVE_INFINITY,
  mark: (word) => `-o ${word}`,
  complaint: (word) =>
    new RegExp(`(?:^|(?<=\\n))ipset v[^\\n]*: Syntax error: unknown output mode '${word}'\\n`),
};

/** `ip -batch` reads its standard input line by line, and with `-force` goes on after one that the kernel refuses. */
export const IP_STAYS: StandIn = {
  name: 'ip -batch -',
  argv: ['ip', '-force', '-batch', '-'],
  of: ['ip', '-force', '-batch', '-'],
  takes: /^route (?:add|del) blackhole [0-9a-f.:/]+ proto \d+ metric \d+$/,
  // It keeps 4 kB of each route (iproute2 6.1): 4 MB by then.
  mostLines: 1_000,
  mark: (word) => word,
  complaint: (word) =>
    new RegExp(`(?:^|(?<=\\n))Object "${word}" is unknown, try "ip help"\\.\\nCommand failed -:\\d+\\n`),
};
