import { randomUUID } from 'node:crypto';
import { createSecrets } from '../../tools/local/secrets.ts';
import { createGateway, type GatewayOptions } from '../../tools/local/supabase-api.ts';

/** The owner of the request's key or token. */
export type Bearer = 'anon' | 'service_role' | { token: string };

interface Answer {
  status: number;
  body: unknown;
}

export interface TestGateway {
  /** Calls a function by its name. */
  call(name: string, given?: object, bearer?: Bearer): Promise<Answer>;
  /** Any request, by its path below the project's address. */
  send(method: string, path: string, body?: unknown, bearer?: Bearer): Promise<Answer>;
  /** Signs somebody new up; answers the id and an access token. */
  signUp(): Promise<{ id: string; token: string }>;
  jwtSecret: string;
  close(): Promise<void>;
}

/** Supabase's API over a test database, called without a socket. */
export async function openGateway(
  options: Pick<GatewayOptions, 'databaseUrl' | 'maxConnections' | 'poolWaitMs'>,
): Promise<TestGateway> {
  const { jwtSecret, publishableKey, secretKey } = createSecrets();
  const gateway = await createGateway({ ...options, jwtSecret, publishableKey, secretKey });

  async function send(
    method: string,
    path: string,
    body?: unknown,
    bearer: Bearer = 'service_role',
  ): Promise<Answer> {
    const headers = new Headers({ apikey: bearer === 'service_role' ? secretKey : publishableKey });
    if (typeof bearer === 'object') headers.set('authorization', `Bearer ${bearer.token}`);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const request = new Request(`http://127.0.0.1${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const response = await gateway.fetch(request);
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
  }

  return {
    send,
    call: (name, given = {}, bearer = 'service_role') => send('POST', `/rest/v1/rpc/${name}`, given, bearer),
    async signUp() {
      const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() };
      const { body } = await send('POST', '/auth/v1/signup', credentials, 'anon');
      // Safe: a session without these fails the test that uses them.
      const session = body as { access_token: string; user: { id: string } };
      return { id: session.user.id, token: session.access_token };
    },
    jwtSecret,
    close: () => gateway.close(),
  };
}
