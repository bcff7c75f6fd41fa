import { expect, it } from 'vitest';
import { z } from 'zod';
import type { Store } from '../../../src/server/store/store.ts';

/** A store that returns the parameters as sent: JSON omits undefined ones. */
const store: Store = {
  rpc: (_name, parameters, answer) => Promise.resolve(answer.parse(JSON.parse(JSON.stringify(parameters)))),
};

const required = { p_report_type: 'org', p_report_id: 'r', p_lease_seconds: 30 };

// The compiler refuses these calls: without an error on the next line, `@ts-expect-error` is an error itself.
it('compiles a call only with the names of the SQL function and of its parameters', async () => {
  // @ts-expect-error no function has this name
  await store.rpc('is_operater', { p_user_id: 'u' }, z.unknown());
  // @ts-expect-error no parameter has this name
  await store.rpc('is_operator', { p_user: 'u' }, z.unknown());
  // @ts-expect-error the parameter has another type
  await store.rpc('is_operator', { p_user_id: 1 }, z.unknown());
  // @ts-expect-error a required parameter is missing
  await store.rpc('is_operator', {}, z.unknown());
  // @ts-expect-error a required parameter may not be undefined
  await store.rpc('is_operator', { p_user_id: undefined }, z.unknown());
  // @ts-expect-error a parameter is never null: an absent one is left out
  await store.rpc('claim_report_delivery', { ...required, p_event_id: null }, z.unknown());

  const misspelled = { ...required, p_event: 'e' };
  // @ts-expect-error no parameter has this name, though all that are required are there
  await store.rpc('claim_report_delivery', misspelled, z.unknown());
});

it('leaves out a parameter that is undefined', async () => {
  const parameters = { ...required, p_event_id: undefined };
  expect(await store.rpc('claim_report_delivery', parameters, z.unknown())).toEqual(required);
});
