import { blockingOf } from './blocking.ts';
import { wrappersOf } from './kill-hosts-deny.ts';
import { isFirewallCommand, type Translated, translateCommand } from './kill-text.ts';
import type { Remark, Setting } from './lines.ts';
import { type Context, join, type Piece, type PolicyLine } from './piece.ts';
import { cite, tomlString } from './words.ts';

const OWN_FIREWALL = 'In place of the command: what works on this host.';

/** What PortSentry ran, and the lines of it that cannot be taken over. */
interface Commands {
  readonly taken: readonly Setting[];
  readonly remarks: readonly Remark[];
}

/** KILL_ROUTE, KILL_HOSTS_DENY, KILL_RUN_CMD and KILL_RUN_CMD_FIRST: what PortSentry did to a source. */
export function killPiece(context: Context): Piece {
  const { isCommandOnly } = blockingOf(context);
  const [route, deny, command] = ['KILL_ROUTE', 'KILL_HOSTS_DENY', 'KILL_RUN_CMD'].map(context.find);
  const wrappers = isCommandOnly ? unused(deny) : wrappersOf(deny);
  const used = isCommandOnly ? undefined : route;
  const { taken, remarks } = commandsOf(used, command);
  const made = commandPiece(taken, context);
  const hasCommand = made.lines.length > 0;
  // A command that is a firewall's own is replaced by one, so that then there is a firewall all the same.
  const onlyCommand = isCommandOnly && hasCommand;
  return join(
    { lines: firewallLines(onlyCommand ? command : firewallSetting(used, command), onlyCommand), remarks },
    {
      lines: alsoLines(wrappers.lines.length > 0 ? deny : undefined, hasCommand && !onlyCommand ? taken : []),
      remarks: [],
    },
    isCommandOnly ? unused(route) : { lines: [], remarks: [] },
    wrappers,
    made,
    firstPiece(context.find('KILL_RUN_CMD_FIRST'), command),
  );
}

/** Which settings have to be a command; what changes a firewall is what Picket's firewall does. */
function commandsOf(route: Setting | undefined, command: Setting | undefined): Commands {
  const taken: Setting[] = [];
  const remarks: Remark[] = [];
  if (route !== undefined && !route.value.includes('$TARGET$'))
    remarks.push({ kind: 'gone', at: route, words: 'without $TARGET$ PortSentry never ran it' });
  else if (route !== undefined && !isFirewallCommand(route.value)) taken.push(route);
  if (command !== undefined && isFirewallCommand(command.value))
    remarks.push({ kind: 'different', at: command, words: "Picket's firewall does it, and undoes it" });
  else if (command !== undefined) taken.push(command);
  return { taken, remarks };
}

function firewallSetting(route: Setting | undefined, command: Setting | undefined): Setting | undefined {
  if (route?.value.includes('$TARGET$')) return route;
  return command !== undefined && isFirewallCommand(command.value) ? command : undefined;
}

function firewallLines(setting: Setting | undefined, onlyCommand: boolean): PolicyLine[] {
  if (setting === undefined) return [];
  if (onlyCommand) {
    const why = ['No firewall: as with 2 in BLOCK_TCP or BLOCK_UDP, the command is all that is done.'];
    return [{ section: 'block', key: 'firewall', value: '"command"', why }];
  }
  const why = [
    cite(setting),
    isFirewallCommand(setting.value) ? OWN_FIREWALL : 'What works on this host, beside the command.',
  ];
  return [{ section: 'block', key: 'firewall', value: '"auto"', why }];
}

function alsoLines(deny: Setting | undefined, commands: readonly Setting[]): PolicyLine[] {
  const names = [...(deny ? ['hosts-deny'] : []), ...(commands.length > 0 ? ['command'] : [])];
  if (names.length === 0) return [];
  const why = [...(deny ? [deny] : []), ...commands].map(cite);
  return [{ section: 'block', key: 'also', value: `[${names.map(tomlString).join(', ')}]`, why }];
}

/** The command, as words where it is as good as PortSentry's shell; two become one line for a shell. */
function commandPiece(settings: readonly Setting[], { find }: Context): Piece {
  if (settings.length === 0) return { lines: [], remarks: [] };
  const isFirst = isBefore(find('KILL_RUN_CMD_FIRST'));
  const inOrder = isFirst ? settings.toReversed() : settings;
  const made = translateCommand(inOrder.map(({ value }) => value).join(' ; '));
  if (made === undefined) {
    const words = 'no command that Picket can take over';
    return { lines: [], remarks: settings.map((at): Remark => ({ kind: 'unread', at, words })) };
  }
  return { lines: commandLines(settings, made, isFirst), remarks: commandRemarks(settings, made) };
}

function commandLines(
  settings: readonly Setting[],
  { argv, shell }: Translated,
  isFirst: boolean,
): PolicyLine[] {
  const line = (key: string, value: string, why: string[] = []): PolicyLine => ({
    section: 'command',
    key,
    value,
    why,
  });
  const lines = [line('argv', `[${argv.map(tomlString).join(', ')}]`, settings.map(cite))];
  if (shell)
    lines.push(
      line('shell', 'true', ['It is more than words: a shell has to read it, as PortSentry had it.']),
    );
  if (isFirst) {
    const why = [
      'What the kernel engine blocks is in force already; other blocks wait until the command ended.',
    ];
    lines.push(line('when', '"before"', why));
  }
  return lines;
}

function commandRemarks(settings: readonly Setting[], { argv }: Translated): Remark[] {
  const remarks: Remark[] = settings.map((at) => ({
    ...{ kind: 'different', at },
    words: 'it runs as the user of the service, not as root, and is ended after command.time_limit',
  }));
  const [at] = settings;
  if (at !== undefined && argv.some((word) => word.includes('{mode}')))
    remarks.push({
      kind: 'different',
      at,
      words: '{mode} is tcp or udp of the engine that binds ports, else atcp or audp',
    });
  return remarks;
}

function isBefore(first: Setting | undefined): boolean {
  return first?.value.trim() === '1';
}

function firstPiece(first: Setting | undefined, command: Setting | undefined): Piece {
  if (first === undefined) return { lines: [], remarks: [] };
  const remarks: Remark[] = [];
  if (command === undefined) remarks.push({ kind: 'gone', at: first, words: 'KILL_RUN_CMD is not set' });
  else if (!['0', '1'].includes(first.value.trim()))
    remarks.push({ kind: 'unread', at: first, words: 'allowed are 0 and 1; taken for 0' });
  return { lines: [], remarks };
}

function unused(at: Setting | undefined): Piece {
  const words = 'with 2 in BLOCK_TCP or BLOCK_UDP, and 1 in neither, PortSentry ran KILL_RUN_CMD alone';
  return { lines: [], remarks: at === undefined ? [] : [{ kind: 'gone', at, words }] };
}
