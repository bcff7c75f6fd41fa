import { z } from 'zod';
import { tracesFound, type TracesFound } from '../contracts/trace.ts';
import { withInput, type Answer, type CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/** The traces of a report, job, event or trace id, as trees. For operators; others get `42501`. */
export async function getTraces(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<TracesFound>> {
  return withInput(z.string().trim().min(1).max(200), id, (p_id) =>
    call(client, 'trace', { p_id }, tracesFound, options),
  );
}
