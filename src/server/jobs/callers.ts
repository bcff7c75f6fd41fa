import type { FindUser, FoundUser } from '../auth/users.ts';
import { bearerToken, isSecret } from '../http/bearer.ts';

/** Who calls the job endpoint: the pipeline, or the user with this id. SQL functions take it as they decide ownership. */
export type Caller = string;
export const PIPELINE: Caller = 'pipeline';

export type CallerAccess = { ok: true; caller: Caller } | Extract<FoundUser, { ok: false }>;

/** Admits the pipeline by its key, and users by their access token. */
export async function findCaller(
  { pipelineApiKey, findUser }: { pipelineApiKey: string; findUser: FindUser },
  headers: Headers,
): Promise<CallerAccess> {
  const token = bearerToken(headers);
  if (token === null) return { ok: false, code: 'unauthorized' };
  if (isSecret(token, pipelineApiKey)) return { ok: true, caller: PIPELINE };
  const found = await findUser(token);
  return found.ok ? { ok: true, caller: found.userId } : found;
}
