/**
 * Preloaded into every function's process (`node --import`). Each call that leaves the process, to the database or the
 * network, counts as two steps: before and after it. Each answer that the process gives is one. Every step is recorded, and the
 * process is killed at the step that the plan names. So the list of steps comes from the running code, and cannot miss a new one.
 *
 * A step belongs to the life whose request caused it, across all processes. What a process still does for a finished life
 * (such as a sender between two attempts) is neither counted nor killed in the next one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

interface StatementClient {
  query: (...given: unknown[]) => Promise<unknown>;
}

const LIFE_HEADER = 'x-crash-point-life';

const directory = process.env['POLARIS_CRASH_POINTS'];
const entrypoint = process.env['VERCEL_DEV_ENTRYPOINT']?.replace(/\.js$/, '.ts');

if (directory !== undefined && entrypoint !== undefined) {
  const callOriginal = globalThis.fetch;
  const lifeOfRequest = new AsyncLocalStorage<string>();

  const readPlan = () =>
    JSON.parse(readFileSync(join(directory, 'plan'), 'utf8')) as { life: string; step: string };

  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    const inherited = request.headers[LIFE_HEADER];
    lifeOfRequest.enterWith(typeof inherited === 'string' ? inherited : readPlan().life);
  });
  subscribe('http.server.response.finish', () => pass('answered'));

  const pass = (step: string) => {
    const plan = readPlan();
    if ((lifeOfRequest.getStore() ?? plan.life) !== plan.life) return;
    const line = `${entrypoint}: ${step}`;
    const steps = join(directory, `${plan.life}.steps`);
    appendFileSync(steps, `${line}\n`);
    const nth = readFileSync(steps, 'utf8')
      .split('\n')
      .filter((other) => other === line).length;
    if (plan.step === `${line} #${nth}`) {
      appendFileSync(join(directory, `${plan.life}.killed`), 'killed\n');
      process.kill(process.pid, 'SIGKILL');
      // The signal may take a moment; nothing more must happen meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
  };

  // Calls to subscribers go through undici's own request(), which tells of itself here.
  const lifeOfCall = new WeakMap<object, string | undefined>();
  const subscriberCall = (message: unknown) => {
    const { request } = message as { request: { path: string } };
    return request.path.startsWith('/subscriber') ? request : undefined;
  };
  subscribe('undici:request:create', (message) => {
    const request = subscriberCall(message);
    if (request === undefined) return;
    lifeOfCall.set(request, lifeOfRequest.getStore());
    pass(`before ${request.path}`);
  });
  subscribe('undici:request:trailers', (message) => {
    const request = subscriberCall(message);
    if (request === undefined) return;
    const life = lifeOfCall.get(request);
    if (life === undefined) pass(`after ${request.path}`);
    else lifeOfRequest.run(life, () => pass(`after ${request.path}`));
  });

  /** What a function does once a minute after an answer belongs to no life: it comes in whichever has the first request. */
  const isAside = (path: string) =>
    path.endsWith('/report_usage') ||
    (path.endsWith('/evaluate_alerts') && !entrypoint.includes('cron/sweep'));

  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const life = lifeOfRequest.getStore();
    if (life !== undefined) request.headers.set(LIFE_HEADER, life);
    if (isAside(pathname)) return callOriginal(request);
    pass(`before ${pathname}`);
    const answer = await callOriginal(request);
    pass(`after ${pathname}`);
    return answer;
  };

  // A call over the pool is a statement of the driver.
  if (process.env['STORE_DATABASE_URL'] !== undefined) {
    const { default: pg } = await import('pg');
    // Safe: the store calls it with one statement, and awaits it.
    const client = pg.Client.prototype as unknown as StatementClient;
    const queryOriginal = client.query;
    client.query = async function (this: StatementClient, ...given) {
      const [statement] = given as [{ text?: string } | undefined];
      const [, name] = /public\."(\w+)"\(/.exec(statement?.text ?? '') ?? [];
      // What it reads once of the functions that there are comes in whichever life has the first request.
      if (name === undefined || isAside(`/${name}`)) return queryOriginal.apply(this, given);
      pass(`before /pool/${name}`);
      const answer = await queryOriginal.apply(this, given);
      pass(`after /pool/${name}`);
      return answer;
    };
  }
}
