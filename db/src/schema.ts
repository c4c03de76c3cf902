/*
 * Every primary and foreign key begins with `network_id` and no id comes from a sequence, so that a distributed
 * PostgreSQL can split all tables by network as they are. `collector_key` and `rate_limit` hold nothing of a network.
 */

export * from './schema/audit.ts';
export * from './schema/decisions.ts';
export * from './schema/evidence.ts';
export * from './schema/hosts.ts';
