import type { FindUser, FoundUser } from '../auth/users.ts';
import { bearerToken, isOneOf, type BearerKeys } from '../http/bearer.ts';

/** The caller of the job endpoint: the pipeline, or the user with this id. SQL functions decide ownership by it. */
export type Caller = string;
export const PIPELINE: Caller = 'pipeline';

type CallerAccess = { ok: true; caller: Caller } | Extract<FoundUser, { ok: false }>;

/** Accepts the pipeline by its key, and users by their access token. */
export async function findCaller(
  { pipelineApiKeys, findUser }: { pipelineApiKeys: BearerKeys; findUser: FindUser },
  headers: Headers,
): Promise<CallerAccess> {
  const token = bearerToken(headers);
  if (token === null) return { ok: false, code: 'unauthorized' };
  if (isOneOf(token, pipelineApiKeys)) return { ok: true, caller: PIPELINE };
  const found = await findUser(token);
  return found.ok ? { ok: true, caller: found.userId } : found;
}
