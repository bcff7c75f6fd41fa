import { expect, it } from 'vitest';
import { authenticateOperator } from '../../../src/server/auth/operators.ts';
import { findCaller } from '../../../src/server/jobs/callers.ts';

const headers = new Headers({ authorization: 'Bearer a.b.c' });
const findUser = () => Promise.resolve({ ok: false as const, code: 'anonymous_user' as const });
const refused = { ok: false, code: 'anonymous_user' };

it('a user without an account is no caller of the job endpoint', async () => {
  expect(await findCaller({ pipelineApiKey: 'key', findUser }, headers)).toEqual(refused);
});

it('a user without an account is no operator, and the database is not asked', async () => {
  const rpc = () => Promise.reject(new Error('asked'));
  expect(await authenticateOperator({ cronSecret: 'secret', findUser, rpc }, headers)).toEqual(refused);
});
