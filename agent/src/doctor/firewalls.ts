import { type Check, type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('firewall');

/** Whether a backend works on this host, and if not why. */
export interface SurveyedFirewall {
  readonly name: string;
  readonly works: boolean;
  readonly why?: string;
  /** It is for other systems than this one. */
  readonly isElsewhere?: boolean;
}

/** Looks at all backends that there are, the best first. Changes nothing. */
export type SurveyFirewalls = () => Promise<readonly SurveyedFirewall[]>;

/** Names of backends that refuse no packet by themselves. */
const REFUSING_NOTHING: ReadonlySet<string> = new Set(['log-only', 'command', 'hosts-deny']);

/** Whether packets are refused by a backend of that name, so that it can be tried. */
export const refusesPackets = (name: string): boolean => !REFUSING_NOTHING.has(name);

/** The backend that `auto` takes: the first that works and refuses packets. */
export const automatic = (all: readonly SurveyedFirewall[]): SurveyedFirewall | undefined =>
  all.find(({ name, works }) => works && refusesPackets(name));

/**
 * Which backends this host can use, and whether the one that the policy wants is among them.
 *
 * @param wanted `block.firewall` of the policy
 */
export function firewallCheck(survey: SurveyFirewalls, wanted: string): Check {
  return async () => {
    const all = await survey();
    const others = all.filter(({ name }) => name !== wanted);
    const elsewhere = others.filter(({ isElsewhere }) => isElsewhere === true);
    return [
      chosen(all, wanted),
      ...others.filter((each) => !elsewhere.includes(each)).map(other),
      ...(elsewhere.length > 0 ? [forOthers(elsewhere)] : []),
    ];
  };
}

function chosen(all: readonly SurveyedFirewall[], wanted: string): Finding {
  if (wanted === 'log-only')
    return note(
      'block.firewall = "log-only": nobody is refused, by choice',
      'set block.firewall = "auto" to block',
    );
  const taken = wanted === 'auto' ? automatic(all) : all.find(({ name }) => name === wanted);
  if (wanted === 'auto')
    return taken === undefined
      ? wrong(
          'no firewall of this host can be used: nobody would be refused',
          'see below why; on Linux: apt-get install nftables, and run this as root',
        )
      : ok(`block.firewall = "auto" takes ${taken.name}`);
  if (taken?.works === true) return ok(`block.firewall = "${wanted}" works`);
  const why = taken?.why ?? 'it is not for this system';
  return wrong(
    `block.firewall = "${wanted}" does not work here: ${why}`,
    'mend that, or set block.firewall = "auto"',
  );
}

function other({ name, works, why }: SurveyedFirewall): Finding {
  return works ? ok(`${name} can be used`) : note(`${name} cannot be used: ${why ?? 'it says not why'}`);
}

/** Nothing can be done about them here, so one line says it. */
function forOthers(elsewhere: readonly SurveyedFirewall[]): Finding {
  const names = elsewhere.map(({ name }) => name).join(', ');
  return note(`${names} ${elsewhere.length > 1 ? 'are' : 'is'} for other systems`);
}
