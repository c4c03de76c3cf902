import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll } from 'vitest';
import type { Agent } from './agent.ts';
import { type Chain, startChain } from './chain.ts';
import { type Lab, openLab } from './lab.ts';

/** A chain that a suite has to itself; its parts are there once the suite's tests begin. */
export type ChainSuite = {
  readonly lab: Lab;
  readonly database: Database;
  readonly chain: Chain;
  agent: (host: string) => Agent;
};

/** For a suite: a lab with these hosts, a database and a chain, which go afterwards. */
export function chainSuite(...hosts: readonly string[]): ChainSuite {
  let [lab, database, chain]: [Lab?, Database?, Chain?] = [];
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the chain is not up yet');
    return part;
  };
  beforeAll(async () => {
    database = await testDatabase();
    lab = await openLab({ hosts: [...hosts] });
    chain = await startChain(lab, { databaseUrl: database.url });
  }, 180_000);
  afterAll(async () => {
    await lab?.close();
    await database?.close();
  });
  return {
    get lab() {
      return there(lab);
    },
    get database() {
      return there(database);
    },
    get chain() {
      return there(chain);
    },
    agent: (host) => there(chain?.agents.get(host)),
  };
}
