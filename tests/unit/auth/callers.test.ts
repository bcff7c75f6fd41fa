import { describe, expect, it } from 'vitest';
import { authenticateOperator } from '../../../src/server/auth/operators.ts';
import { findCaller, PIPELINE } from '../../../src/server/jobs/callers.ts';
import type { FoundUser } from '../../../src/server/auth/users.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

const NEW_KEY = 'new'.repeat(12);
const OLD_KEY = 'old'.repeat(12);
const USER = '11111111-1111-4111-8111-111111111111';
const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

const findUser = (token: string): Promise<FoundUser> =>
  token === 'outage'
    ? Promise.reject(new DatabaseUnavailable('Supabase Auth did not answer'))
    : Promise.resolve(token === 'user' ? { ok: true, userId: USER } : { ok: false, code: 'unauthorized' });

describe('a caller of the job endpoint', () => {
  const find = (token: string) =>
    findCaller({ pipelineApiKeys: [NEW_KEY, OLD_KEY], findUser }, bearer(token));

  it('is the pipeline by each of its keys, a user by an access token, else nobody', async () => {
    const found = [await find(NEW_KEY), await find(OLD_KEY), await find('user'), await find(`${NEW_KEY}x`)];
    expect(found).toEqual([
      { ok: true, caller: PIPELINE },
      { ok: true, caller: PIPELINE },
      { ok: true, caller: USER },
      { ok: false, code: 'unauthorized' },
    ]);
  });

  it('is unknown while Auth is unavailable: neither admitted nor refused', async () => {
    await expect(find('outage')).rejects.toThrow(DatabaseUnavailable);
  });
});

describe('a caller of an operator endpoint', () => {
  const authenticate = (token: string, isOperator = true) =>
    authenticateOperator(
      {
        cronSecrets: [NEW_KEY, OLD_KEY],
        findUser,
        rpc: (_name, _parameters, answer) => Promise.resolve(answer.parse(isOperator)),
      },
      bearer(token),
    );

  it('is the cron by each of its keys', async () => {
    for (const key of [NEW_KEY, OLD_KEY])
      expect(await authenticate(key)).toEqual({ ok: true, actor: 'cron' });
  });

  it('is an operator by an access token, refused as a user, unauthorized as anybody else', async () => {
    expect(await authenticate('user')).toEqual({ ok: true, actor: USER });
    expect(await authenticate('user', false)).toEqual({ ok: false, code: 'forbidden', actor: USER });
    expect(await authenticate('stranger')).toEqual({ ok: false, code: 'unauthorized' });
  });

  it('is unknown while Auth is unavailable: neither admitted nor refused', async () => {
    await expect(authenticate('outage')).rejects.toThrow(DatabaseUnavailable);
  });
});
