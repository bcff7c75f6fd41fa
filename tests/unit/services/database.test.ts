import { createClient } from '@supabase/supabase-js';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { Database } from '../../../src/contracts/database.types.ts';
import { call, page } from '../../../src/services/database.ts';

/** A client that answers each call with what was sent. */
const client = createClient<Database>('http://127.0.0.1:1', 'sb_publishable_test', {
  auth: { persistSession: false, autoRefreshToken: false },
  global: { fetch: (_input, init) => Promise.resolve(new Response(init?.body ?? 'null')) },
});

it('leaves out the parameters that are absent', async () => {
  const parameters = { p_status: 'dead', p_error: undefined, ...page({ limit: 50, cursor: null }) };
  expect(await call(client, 'list_open_deliveries', parameters, z.unknown(), {})).toEqual({
    data: { p_status: 'dead', p_limit: 50 },
    error: null,
  });
});

it('hands a cursor on', async () => {
  const cursor = { at: '2026-11-25T04:05:06.070809+00:00', id: '7' };
  const { data } = await call(client, 'list_reports', page({ limit: 5, cursor }), z.unknown(), {});
  expect(data).toEqual({ p_limit: 5, p_cursor_at: cursor.at, p_cursor_id: cursor.id });
});

// The refusals are the compiler's: without an error on the next line, `@ts-expect-error` is one.
it('compiles a call only with the names of the SQL function and of its parameters', async () => {
  // @ts-expect-error no function has this name
  await call(client, 'list_reprots', {}, z.unknown(), {});
  const misspelled = { p_scope: 'mine', p_report_typ: 'org' };
  // @ts-expect-error no parameter has this name
  await call(client, 'list_reports', misspelled, z.unknown(), {});
  // @ts-expect-error a required parameter is missing
  await call(client, 'event_timeline', {}, z.unknown(), {});
});
