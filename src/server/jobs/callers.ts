import type { FindUser } from '../auth/users.ts';
import { bearerToken, isOneOf, type BearerKeys } from '../http/bearer.ts';

/** Who calls the job endpoint: the pipeline, or the user with this id. SQL functions take it as they decide ownership. */
export type Caller = string;
export const PIPELINE: Caller = 'pipeline';

/** Null: these credentials are nobody's. */
export async function findCaller(
  { pipelineApiKeys, findUser }: { pipelineApiKeys: BearerKeys; findUser: FindUser },
  headers: Headers,
): Promise<Caller | null> {
  const token = bearerToken(headers);
  if (token === null) return null;
  return isOneOf(token, pipelineApiKeys) ? PIPELINE : findUser(token);
}
