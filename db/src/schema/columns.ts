import { bigint, customType, timestamp } from 'drizzle-orm/pg-core';

export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });

export const inetArray = customType<{ data: string[] }>({ dataType: () => 'inet[]' });

/** A moment, to the millisecond. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** A whole number of up to 2^53. */
export const bigCount = (name: string) => bigint(name, { mode: 'number' });
