import { expect, it } from 'vitest';
import { PROBLEMS, problemOf } from '../../src/contracts/problem.ts';
import { webhookAnswer } from '../../src/contracts/webhooks.ts';
import { createTestDatabase } from '../support/database.ts';

/** The endpoint answers this outcome with another code, since the event may be accepted a moment later. */
const BUSY = { busy: PROBLEMS.database_unavailable.status };

it('gives each outcome the status that the table of problems has', async () => {
  await using database = await createTestDatabase();
  // Quoted words in the function's own source, so that an added outcome cannot be forgotten here.
  const rows = await database.sql<{ outcome: string; status: number | null }[]>`
    select outcome, private.outcome_status(outcome) as status
    from pg_proc, regexp_matches(prosrc, '''([a-z_]+)''', 'g') as match, unnest(match) as outcome
    where oid = to_regprocedure('private.outcome_status(text)')`;
  const inSql = Object.fromEntries(rows.map(({ outcome, status }) => [outcome, status]));

  const successes = Object.fromEntries(webhookAnswer.shape.outcome.options.map((outcome) => [outcome, 200]));
  const refusals = Object.keys(inSql).filter((outcome) => problemOf(outcome) !== undefined);
  const inTable = Object.fromEntries(refusals.map((code) => [code, problemOf(code)?.status]));
  expect(inSql).toEqual({ ...successes, ...BUSY, ...inTable });
  expect(refusals.length).toBeGreaterThan(0);
});
