import { parseArgs } from 'node:util';
import { IMPORT_USAGE, type ImportCall, parseImport } from './import-args.ts';
import { parseReplay, REPLAY_USAGE, type ReplayCall } from './replay-args.ts';

/** What the command line asks for. */
export type Call =
  | { command: 'run' | 'down' | 'check'; config: string }
  | { command: 'enroll'; config: string; joinKeyFile: string | undefined }
  | ReplayCall
  | ImportCall
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
                        or from --join-key-file FILE ("-": standard input)
  picket-agent check    read the config, say what would run, change nothing
  picket-agent down     remove all that Picket has in the firewall, and
                        forget its blocks; stop the service first
  picket-agent replay   say what would have tripped in a capture (below)
  picket-agent import   translate PortSentry's files into picket.toml (below)
  picket-agent version  print the version

  --config FILE         default: ${DEFAULT_CONFIG}

${REPLAY_USAGE}
${IMPORT_USAGE}`;

const COMMANDS = ['run', 'enroll', 'check', 'down', 'replay', 'import', 'version', 'help'] as const;

const OPTIONS = {
  config: { type: 'string' },
  'join-key-file': { type: 'string' },
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
  const command = COMMANDS.find((known) => known === word);
  if (command === undefined) {
    return {
      ok: false,
      reason: `${word === undefined ? 'no command' : `no command "${word}"`}; one of: ${COMMANDS.join(', ')}`,
    };
  }
  if (command === 'replay') return { ok: false, reason: 'replay: it comes first, before its options' };
  if (more.length > 0) return { ok: false, reason: `${command}: unexpected "${more.join(' ')}"` };
  const joinKeyFile = values['join-key-file'];
  if (joinKeyFile !== undefined && command !== 'enroll') {
    return { ok: false, reason: `--join-key-file belongs to enroll, not to ${command}` };
  }
  const config = values.config ?? DEFAULT_CONFIG;
  if (command === 'import') return { ok: false, reason: 'import: it comes first, before its options' };
  if (command === 'version') return { ok: true, call: { command } };
  if (command === 'help') return { ok: true, call: { command } };
  return { ok: true, call: command === 'enroll' ? { command, config, joinKeyFile } : { command, config } };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
