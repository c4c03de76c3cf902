import { TABLE } from '../nft/names.ts';
import { REMOVAL } from '../nft/ruleset.ts';
import type { Runner } from '../run/runner.ts';
import type { FirewallChoice } from './candidate.ts';
import type { EntryCommands, Step } from './entries.ts';
import { everyPlace } from './entry-iptables.ts';
import { answersOf, runSteps } from './entry-steps.ts';
import { FirewallError } from './firewall.ts';
import { clearHostsDeny } from './hosts-deny-clear.ts';
import { entryFirewallsHere } from './pick.ts';

/** Two backends over chains of the same names: whichever opens writes them anew, and asks nothing of the other. */
const SHARING_CHAINS: readonly string[] = ['iptables-ipset', 'iptables'];

/**
 * Removes what agents of before left in every backend but those in use: after a change of policy nothing would end or
 * lift those blocks. To be called once the firewall in use is open, so that nobody is let in in between. What fails is
 * told; it is tried again at the next start.
 *
 * @param used name of the firewall in use, as `nftables+hosts-deny`
 * @param folder of the files of patterns
 */
export async function clearOthers(choice: FirewallChoice, used: string, folder?: string): Promise<void> {
  const { policy, log } = choice;
  const names = used.split('+');
  const attempt = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: Error) =>
      log(`what was left in ${name} could not be removed: ${error.message}`),
    );
  };
  const others = await entryFirewallsHere(choice).catch((error: Error) => {
    log(`what was left in other firewalls could not be looked for: ${error.message}`);
    return [];
  });
  // One after the other: two of them take the same chains away.
  for (const commands of others)
    if (!names.includes(commands.name))
      await attempt(commands.name, () => clearEntries(commands, choice, names));
  if (!names.includes('nftables')) await attempt('nftables', () => removeTable(choice));
  const { file } = policy.hosts_deny;
  const except = names.includes('hosts-deny') ? [file] : [];
  await attempt('hosts.deny', async () => {
    const found = await clearHostsDeny(policy.hosts_deny, { except, ...(folder && { folder }) });
    if (found.length > 0) log(leftWords('hosts.deny', found.length));
  });
}

async function clearEntries(
  commands: EntryCommands,
  { run, now, log }: FirewallChoice,
  used: readonly string[],
): Promise<void> {
  const isSibling =
    SHARING_CHAINS.includes(commands.name) && used.some((name) => SHARING_CHAINS.includes(name));
  // Its chains are the ones in use; what only it has is taken away without a look, since it is not whole any more.
  if (isSibling) return runSteps(run, beyondChains(commands.tearDown([])));
  const answers = await answersOf(run, commands.list('all'));
  if ('words' in answers) return;
  const found = commands.parse(answers.outputs, now()) ?? [];
  const isNamed = answers.outputs.some((text) => /\bpicket_/i.test(text));
  if (found.length === 0 && !isNamed) return;
  await runSteps(run, commands.tearDown(found));
  log(leftWords(commands.name, found.length));
}

/** Steps that name no chain which both backends have. */
function beyondChains(steps: readonly Step[]): Step[] {
  const shared: ReadonlySet<string> = new Set(everyPlace().map(({ chain }) => chain));
  return steps.filter(({ command }) => !command.argv.some((word) => shared.has(word)));
}

async function removeTable({ run, log }: Pick<FirewallChoice, 'run' | 'log'>): Promise<void> {
  if (!(await hasTable(run))) return;
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: REMOVAL });
  if (status !== 0) throw new FirewallError(`nft: ${stderr.trim().slice(0, 500)}`);
  log(`removed the table ${TABLE} that an agent of before left in nftables`);
}

/** A host without nft, or where it may not be used, has no table that can be removed. */
async function hasTable(run: Runner): Promise<boolean> {
  const list = await run({ argv: ['nft', 'list', 'tables'] }).catch(() => undefined);
  return list?.status === 0 && list.stdout.split('\n').includes(`table ${TABLE}`);
}

const leftWords = (name: string, count: number): string =>
  `removed what an agent of before left in ${name}: ${count} blocks`;
