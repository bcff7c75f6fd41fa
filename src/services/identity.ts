import { z } from 'zod';
import { ask, sessionOf, type Answer, type CallOptions } from './answer.ts';
import type { DatabaseClient } from './database.ts';

interface Identity {
  id: string;
  email: string | null;
  /** Read from the database each time, so that revoking takes effect at once. */
  operator: boolean;
}

/** Who is signed in, and whether they are an operator. `unauthorized`: nobody is signed in. */
export async function getIdentity(
  client: DatabaseClient,
  { signal }: CallOptions = {},
): Promise<Answer<Identity>> {
  const session = await sessionOf(client);
  if (session.error !== null) return session;
  const { id, email } = session.data.user;
  const query = client.from('operators').select('user_id').eq('user_id', id);
  const answer = await ask(
    client,
    signal ? query.abortSignal(signal) : query,
    z.array(z.object({ user_id: z.guid() })),
  );
  if (answer.error !== null) return answer;
  return { data: { id, email: email ?? null, operator: answer.data.length > 0 }, error: null };
}
