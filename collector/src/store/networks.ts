import { uuid7Schema } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { COLLECTOR, recordAct } from './audit.ts';
import { changeList } from './list-change.ts';
import type { Query, Sql } from './sql.ts';

/** A network and the size of it. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly recipients: readonly string[];
  /** IANA time zone of its mail. */
  readonly zone: string;
  readonly listVersion: number;
  readonly mode: NetworkMode;
  /** When `observe` ends by itself. */
  readonly modeUntil: Date | null;
  readonly hosts: number;
}

/** Whether the hosts of a network carry their decisions out. */
export type NetworkMode = 'enforce' | 'observe';

/**
 * Holds a whole network in observe mode, or ends that. It goes out with the block list, so that hosts that wait hear of it
 * at once.
 *
 * @param untilMs when observing ends by itself, Unix ms; undefined: when a person says so
 * @returns the list's new version
 */
export async function setNetworkMode(
  sql: Sql,
  {
    networkId,
    mode,
    untilMs,
    who = COLLECTOR,
  }: { networkId: string; mode: NetworkMode; untilMs: number | undefined; who?: string },
  nowMs: number,
): Promise<number | undefined> {
  return sql.begin(async (tx) => {
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      await tx`
        update network set mode = ${mode}, mode_until = ${untilMs === undefined ? null : new Date(untilMs)}
        where id = ${networkId}`;
      return { set: [], lift: [], isAllowChanged: true };
    });
    const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() };
    await recordAct(tx, {
      networkId,
      who,
      act: 'network.mode',
      subject: mode,
      details: { ...until, version },
    });
    return version;
  });
}

/** Makes a network; undefined when the name is taken. */
export async function addNetwork(
  sql: Sql,
  {
    name,
    recipients,
    zone,
    who = COLLECTOR,
  }: Pick<Network, 'name' | 'recipients' | 'zone'> & { who?: string },
): Promise<{ id: string } | undefined> {
  return sql.begin(async (tx) => {
    const [row] = await tx<{ id: string }[]>`
      insert into network (id, name, recipients, zone, list_epoch)
      values (${uuid7()}, ${name}, ${[...recipients]}::text[], ${zone}, ${uuid7()})
      on conflict (name) do nothing returning id`;
    if (row === undefined) return undefined;
    await recordAct(tx, {
      networkId: row.id,
      who,
      act: 'network.add',
      subject: name,
      details: { recipients, zone },
    });
    return row;
  });
}

/** A network by its name or id. */
export async function findNetwork(sql: Query, nameOrId: string): Promise<Network | undefined> {
  const id = uuid7Schema.safeParse(nameOrId).success ? nameOrId : null;
  const networks = await readNetworks(sql);
  return (
    networks.find((network) => network.name === nameOrId) ?? networks.find((network) => network.id === id)
  );
}

/** All networks by name. */
export async function readNetworks(sql: Query): Promise<Network[]> {
  return sql<Network[]>`
    select id, name, recipients, zone, list_version as "listVersion", mode_until as "modeUntil",
      case when mode_until <= now() then 'enforce' else mode end as mode,
      (select count(*) from host where network_id = network.id and withdrawn_at is null) as hosts
    from network order by name`;
}
