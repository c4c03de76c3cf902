import { type Check, type Finding, findings } from '../finding.ts';
import { refusesPackets, type SurveyFirewalls } from '../firewalls.ts';
import type { Verdicts } from './apart.ts';
import type { HereResult, Loaded } from './here.ts';

const { ok, note, wrong } = findings('hook');

/** What the check of the hook looks at. */
export interface HookFacts {
  readonly survey: SurveyFirewalls;
  /** Whether an agent runs, with which backend, and whether it refuses anybody now. */
  readonly agent: { readonly firewall: string; readonly enforces: boolean } | undefined;
  /** Backend that the policy names; undefined for `auto`. */
  readonly wanted: string | undefined;
  readonly loaded: () => Promise<Loaded>;
  readonly tryHere: () => Promise<HereResult>;
  /** Tries a backend in namespaces of its own. Throws when there are none to be had. */
  readonly tryApart: (name: string) => Promise<Verdicts>;
}

/**
 * Whether blocks really refuse packets: on this host, where our table is loaded; and in network namespaces with the
 * backend that this host has, or would take.
 */
export function hookCheck(facts: HookFacts): Check {
  return async () => {
    const usable = (await facts.survey()).filter(({ name, works }) => works && refusesPackets(name));
    const names = usable.map(({ name }) => name);
    const here = names.includes('nftables') ? await hereFindings(facts) : [];
    const { agent, wanted = names[0] } = facts;
    const inUse = agent === undefined ? wanted : mainOf(agent.firewall);
    const apart = inUse !== undefined && names.includes(inUse) ? await apartFindings(facts, inUse) : [];
    return here.length + apart.length > 0
      ? [...here, ...apart]
      : [note('no firewall of this host can be tried')];
  };
}

async function hereFindings({ agent, loaded, tryHere }: HookFacts): Promise<Finding[]> {
  if (agent !== undefined && mainOf(agent.firewall) !== 'nftables') return [];
  const table = await loaded();
  if (table === 'not permitted')
    return [note('the table in the kernel may not be looked at by this user', 'run this as root')];
  if (agent?.enforces === false)
    return [note('on this host nobody is refused now, by choice: what is loaded is not tried')];
  if (table === 'no table')
    return agent === undefined
      ? [note('no table is loaded on this host, since no agent runs')]
      : [
          wrong(
            'the agent runs, but its table is not in the kernel',
            'it is put back within half a minute; if it stays away: systemctl restart picket-agent, and look who runs "nft flush ruleset"',
          ),
        ];
  if (table === 'no rules')
    return [
      agent === undefined
        ? note(
            'the table on this host has no rules that refuse: it was paused, or others took them out',
            'picket-agent resume, or start the agent',
          )
        : wrong(
            'the rules that refuse were taken out of the table inet picket by others',
            'systemctl restart picket-agent, and look who changes that table',
          ),
    ];
  const tried = await tryHere();
  if (!tried.ok)
    return [
      note(
        `on this host only the rules could be looked at, and they are there; packets could not be sent: ${tried.why}`,
        'run this as root of the machine',
      ),
    ];
  return tried.verdicts.map(({ family, verdict }) =>
    judged(
      `on this host, IPv${family}: ${verdict.words}`,
      verdict.kind,
      'look for a table with "nft list ruleset" that accepts before priority -450, or report this with --transcript',
    ),
  );
}

async function apartFindings({ tryApart }: HookFacts, name: string): Promise<Finding[]> {
  // It throws away answers beyond a router: packets of a neighbour, which a trial has, show nothing of it.
  if (name === 'route')
    return [note('route is not tried with packets: it throws away answers beyond a router')];
  const verdicts = await tryApart(name).catch((error: Error) => error);
  if (verdicts instanceof Error)
    return [
      note(`${name} could not be tried with packets: ${verdicts.message}`, 'run this as root of the machine'),
    ];
  return verdicts.map(({ family, verdict }) => {
    const words = `${name} in a namespace, IPv${family}: ${verdict.words}`;
    return judged(words, verdict.kind, 'report this with --transcript');
  });
}

/** The backend that refuses packets, of a name that also tells what is done beside it: `nftables+hosts-deny`. */
function mainOf(firewall: string): string {
  return firewall.split('+', 1)[0] ?? firewall;
}

function judged(words: string, kind: 'drops' | 'fails' | 'unknown', todo: string): Finding {
  if (kind === 'drops') return ok(words);
  return kind === 'fails' ? wrong(words, todo) : note(words);
}
