import { parseArgs } from 'node:util';
import { durationSchema } from '../policy/duration.ts';
import { IMPORT_USAGE, type ImportCall, parseImport } from './import-args.ts';
import type { OrderCall } from './orders.ts';
import { parseReplay, REPLAY_USAGE, type ReplayCall } from './replay-args.ts';

/** What the command line asks for. */
export type Call =
  | { command: 'run' | 'down' | 'restore' | 'rotate-key'; config: string }
  | { command: 'check'; config: string; needs: boolean }
  | { command: 'enroll'; config: string; joinKeyFile: string | undefined; newIdentity: boolean }
  | ReplayCall
  | { command: 'status'; config: string; json: boolean; watch: boolean }
  | { command: 'explain'; config: string; json: boolean; address: string }
  | { command: 'pause'; config: string; forMs: number }
  | { command: 'resume' | 'lift'; config: string }
  | OrderCall
  | ImportCall
  | { command: 'doctor'; config: string; json: boolean; transcript: boolean }
  | { command: 'version' }
  | { command: 'help' };

/** Outcome of reading the command line: the call, or what was wrong with it. */
export type CallResult = { ok: true; call: Call } | { ok: false; reason: string };

/** Where an administrator's config is, when no other is named. */
export const DEFAULT_CONFIG = '/etc/picket/picket.toml';

/** What `picket-agent help` prints. */
export const USAGE = `picket-agent: sees port scans on this host's unused ports, and blocks the scanner

  picket-agent run      watch, block and report until it is told to stop
  picket-agent enroll   join a network with a join key, read from a prompt,
                        or from --join-key-file FILE ("-": standard input);
                        --new-identity: as a new host, with a key of its own
  picket-agent rotate-key
                        give this host a new key; the collector takes what
                        was signed with the former one for 31 days more
  picket-agent check    read the config, say what would run, change nothing;
                        --needs: what it takes beyond the least, for programs
  picket-agent doctor   look at all that can keep it from working, and say what
                        to do; --json for programs, --transcript with what was
                        run, for a report. Exit status 1: something is wrong
  picket-agent down     remove all that Picket has in the firewall, and
                        forget its blocks; stop the service first
  picket-agent restore  put the blocks that are kept over a reboot in force
                        before an agent runs; needs no network
  picket-agent replay   say what would have tripped in a capture (below)
  picket-agent import   translate PortSentry's files into picket.toml (below)
  picket-agent version  print the version

What a running agent is asked; as root:
  picket-agent status   how it is; --json for programs, --watch for a live view
  picket-agent explain ADDRESS
                        what is known of a source, and why it is or is not
                        blocked; --json for programs
  picket-agent pause    block nothing for a while: --for 1h (the default), 2d, …
  picket-agent resume   end a pause
  picket-agent unblock ADDRESS
                        lift its blocks on this host, the network's too, and
                        forget what was counted; works without an agent
  picket-agent block ADDRESS
                        block it by hand: --for 1h (the default), 2d, …;
                        --drop: its connections are cut too
  picket-agent allow ADDRESS
                        never block it, an address or a network, for a while:
                        --for 7d (the default), …
  picket-agent disallow ADDRESS
                        take that back
  picket-agent lift --all
                        lift every block on this host, the network's too;
                        works without an agent

  --config FILE         default: ${DEFAULT_CONFIG}

${REPLAY_USAGE}
${IMPORT_USAGE}`;

interface Takes {
  readonly options?: readonly (keyof typeof OPTIONS)[];
  readonly argument?: string;
}

/** What each command takes beside `--config`: options of its own, and an argument that must be there. */
const COMMANDS = {
  run: {},
  enroll: { options: ['join-key-file', 'new-identity'] },
  'rotate-key': {},
  check: { options: ['needs'] },
  doctor: { options: ['json', 'transcript'] },
  down: {},
  restore: {},
  status: { options: ['json', 'watch'] },
  explain: { options: ['json'], argument: 'ADDRESS' },
  pause: { options: ['for'] },
  resume: {},
  unblock: { argument: 'ADDRESS' },
  block: { options: ['for', 'drop'], argument: 'ADDRESS' },
  allow: { options: ['for'], argument: 'ADDRESS' },
  disallow: { argument: 'ADDRESS' },
  lift: { options: ['all'] },
  replay: {},
  import: {},
  version: {},
  help: {},
} as const satisfies Record<string, Takes>;

type CommandName = keyof typeof COMMANDS;

const OPTIONS = {
  config: { type: 'string' },
  'join-key-file': { type: 'string' },
  'new-identity': { type: 'boolean' },
  json: { type: 'boolean' },
  transcript: { type: 'boolean' },
  watch: { type: 'boolean' },
  for: { type: 'string' },
  all: { type: 'boolean' },
  needs: { type: 'boolean' },
  drop: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** Reads the arguments after the program's name. */
export function parseCall(args: readonly string[]): CallResult {
  if (args[0] === 'replay') return parseReplay(args.slice(1), DEFAULT_CONFIG);
  if (args[0] === 'import') return parseImport(args.slice(1));
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { ok: true, call: { command: 'help' } };
  if (values.version === true) return { ok: true, call: { command: 'version' } };
  const [word, ...more] = positionals;
  const command = (Object.keys(COMMANDS) as CommandName[]).find((known) => known === word);
  if (command === undefined) {
    const what = word === undefined ? 'no command' : `no command "${word}"`;
    return { ok: false, reason: `${what}; one of: ${Object.keys(COMMANDS).join(', ')}` };
  }
  // These two have options of their own, and are read before this.
  if (command === 'replay' || command === 'import')
    return { ok: false, reason: `${command}: it comes first, before its options` };
  const reason = refusal(command, more, values);
  return reason === undefined ? callOf(command, more, values) : { ok: false, reason };
}

type Values = ReturnType<typeof parse>['values'];

/** What does not belong to the command, or is missing. */
function refusal(command: CommandName, more: readonly string[], values: Values): string | undefined {
  const takes: Takes = COMMANDS[command];
  const [extra] = takes.argument === undefined ? more : more.slice(1);
  if (extra !== undefined) return `${command}: unexpected "${more.join(' ')}"`;
  if (takes.argument !== undefined && more.length === 0) return `${command}: ${takes.argument} is missing`;
  const foreign = Object.keys(values).find(
    (name) => name !== 'config' && !takes.options?.some((option) => option === name),
  );
  if (foreign === undefined) return undefined;
  const owners = Object.entries(COMMANDS).filter(([, { options }]: [string, Takes]) =>
    options?.some((option) => option === foreign),
  );
  return `--${foreign} belongs to ${owners.map(([name]) => name).join(' and ')}, not to ${command}`;
}

/** What a person orders lasts so long at most: whoever wants more changes the policy. */
const forSchema = durationSchema('1s', '31d');

/** How long it lasts when nothing is said. */
const FOR = { pause: '1h', block: '1h', allow: '7d' } as const;

function callOf(
  command: Exclude<CommandName, 'replay' | 'import'>,
  [argument = '']: readonly string[],
  values: Values,
): CallResult {
  const { config = DEFAULT_CONFIG, json = false, watch = false } = values;
  const ok = (call: Call): CallResult => ({ ok: true, call });
  switch (command) {
    case 'version':
    case 'help':
      return ok({ command });
    case 'enroll':
      return ok({
        ...{ command, config, joinKeyFile: values['join-key-file'] },
        newIdentity: values['new-identity'] === true,
      });
    case 'check':
      return ok({ command, config, needs: values.needs === true });
    case 'doctor': {
      const { transcript = false } = values;
      if (json && transcript) return { ok: false, reason: 'doctor: either --json or --transcript' };
      return ok({ command, config, json, transcript });
    }
    case 'status':
      if (json && watch) return { ok: false, reason: 'status: either --json or --watch' };
      return ok({ command, config, json, watch });
    case 'explain':
      return ok({ command, config, json, address: argument });
    case 'pause':
    case 'block':
    case 'allow': {
      const forMs = forSchema.safeParse(values.for ?? FOR[command]);
      if (!forMs.success)
        return { ok: false, reason: `${command}: --for must be ${forMs.error.issues[0]?.message}` };
      if (command === 'pause') return ok({ command, config, forMs: forMs.data });
      if (command === 'allow') return ok({ command, config, network: argument, forMs: forMs.data });
      return ok({ command, config, network: argument, forMs: forMs.data, drop: values.drop ?? false });
    }
    case 'unblock':
    case 'disallow':
      return ok({ command, config, network: argument });
    case 'lift':
      if (values.all !== true) return { ok: false, reason: 'lift: --all is missing: it lifts every block' };
      return ok({ command, config });
    default:
      return ok({ command, config });
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
