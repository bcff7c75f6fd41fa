import type { FindUser } from '../auth/users.ts';
import { bearerToken, isSecret } from '../http/bearer.ts';

/** Who calls the job endpoint: the pipeline, or the user with this id. SQL functions take it as they decide ownership. */
export type Caller = string;
export const PIPELINE: Caller = 'pipeline';

/** Null: these credentials are nobody's. */
export async function findCaller(
  { pipelineApiKey, findUser }: { pipelineApiKey: string; findUser: FindUser },
  headers: Headers,
): Promise<Caller | null> {
  const token = bearerToken(headers);
  if (token === null) return null;
  return isSecret(token, pipelineApiKey) ? PIPELINE : findUser(token);
}
