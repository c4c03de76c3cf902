/** A sample of which the engines may say different things, and why. */
export interface Difference {
  readonly sample: string;
  /** Sources that each engine names beside those of the sample. */
  readonly kernel?: readonly string[];
  readonly capture?: readonly string[];
  readonly replay?: readonly string[];
  readonly why: string;
}

/** The lab's client, from whom the samples' ordinary traffic comes. */
const CLIENT = '203.0.113.201';

/** All allowed differences. The test fails for one that is not here, and for one of these that no longer occurs. */
export const DIFFERENCES: readonly Difference[] = [
  {
    sample: 'ordinary/dns-late-answers',
    kernel: [CLIENT],
    capture: [CLIENT],
    why: 'only what came in is played: a host that never asked cannot know an answer',
  },
  {
    sample: 'ordinary/killed-client',
    kernel: [CLIENT],
    capture: [CLIENT],
    why: 'only what came in is played: a host that never opened the connections cannot know their ends',
  },
  {
    sample: 'ordinary/container-ports',
    kernel: [CLIENT],
    why: 'the host that it is played to has no container: captures go by ports that are served, the kernel by sockets and NAT',
  },
];
