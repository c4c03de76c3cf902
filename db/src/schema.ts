/*
 * Every primary and foreign key begins with `network_id` and no id comes from a sequence, so that a distributed
 * PostgreSQL can split all tables by network as they are.
 */

export * from './schema/decisions.ts';
export * from './schema/evidence.ts';
export * from './schema/hosts.ts';
