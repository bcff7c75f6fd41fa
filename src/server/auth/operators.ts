import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { bearerToken, isOneOf, type BearerKeys } from '../http/bearer.ts';
import type { FindUser, FoundUser } from './users.ts';

/** The actor of requests with CRON_SECRET. */
export const CRON = 'cron';

type OperatorAccess =
  /** `cron`, or an operator's id. */
  | { ok: true; actor: string }
  | Extract<FoundUser, { ok: false }>
  | { ok: false; code: 'forbidden'; actor: string };

/** Accepts the cron by one of its keys, and operators by their access token. The role is read at each call. */
export async function authenticateOperator(
  { cronSecrets, findUser, rpc }: Store & { cronSecrets: BearerKeys; findUser: FindUser },
  headers: Headers,
): Promise<OperatorAccess> {
  const token = bearerToken(headers);
  if (token === null) return { ok: false, code: 'unauthorized' };
  if (isOneOf(token, cronSecrets)) return { ok: true, actor: CRON };
  const found = await findUser(token);
  if (!found.ok) return found;
  const { userId } = found;
  const isOperator = await rpc('user_is_operator', { p_user_id: userId }, z.boolean());
  return isOperator ? { ok: true, actor: userId } : { ok: false, code: 'forbidden', actor: userId };
}
