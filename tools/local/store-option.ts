import { WrongUse } from './wrong-use.ts';

/** How a local system's functions reach the database: `--store`. */
const LOCAL_STORES = ['rest', 'direct'] as const;
export type LocalStore = (typeof LOCAL_STORES)[number];

/** @throws {WrongUse} for another value */
export function readStore(value: string): LocalStore {
  const store = LOCAL_STORES.find((each) => each === value);
  if (store === undefined) throw new WrongUse(`--store is one of ${LOCAL_STORES.join(', ')}.`);
  return store;
}
