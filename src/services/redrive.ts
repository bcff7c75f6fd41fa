import type { z } from 'zod';
import { redriveAnswer, redriveRequest, type RedriveAnswer } from '../contracts/retry.ts';
import { callApi, withInput, type Answer, type CallOptions } from './answer.ts';
import type { DatabaseClient } from './database.ts';

type RedriveRequest = z.infer<typeof redriveRequest>;

/** Puts dead letters back on schedule: those of these events (at one endpoint, if named), or all that match the filter. For operators. */
export async function redriveDeadLetters(
  client: DatabaseClient,
  request: RedriveRequest,
  options: CallOptions = {},
): Promise<Answer<RedriveAnswer>> {
  return withInput(redriveRequest, request, (body) =>
    callApi(client, redriveAnswer, { method: 'POST', path: '/webhooks/redrive', body }, options),
  );
}
