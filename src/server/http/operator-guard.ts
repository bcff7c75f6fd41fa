import type { ProblemCode } from '../../contracts/problem.ts';
import { authenticateOperator } from '../auth/operators.ts';
import type { FindUser } from '../auth/users.ts';
import { stopwatch, type MonotonicClock } from '../clock.ts';
import { auditRequest, type RequestRecord } from '../observe/audit.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import type { BearerKeys } from './bearer.ts';
import type { Method } from './endpoint.ts';
import { problem, type ProblemExtras } from './problem.ts';

interface Guarded extends MonotonicClock {
  log: Log;
  cronSecrets: BearerKeys;
  findUser: FindUser;
}

/** The answer and its audit record. Null: do not audit (the cron would add a row per minute). */
export interface Result {
  response: Response;
  record: (Pick<RequestRecord, 'outcome'> & Partial<RequestRecord>) | null;
}

type Work = (actor: string) => Promise<Result>;

/**
 * Admits operators and the cron to an endpoint's methods. Audits refusals (of unknown methods too) and the result of each
 * method. Refused callers, even signed-in users, count against the cap, so that they cannot fill the audit.
 */
export async function asOperator(
  services: Store & Guarded,
  endpoint: RequestRecord['endpoint'],
  request: Request,
  methods: Partial<Record<Method, Work>>,
): Promise<Response> {
  const elapsed = stopwatch(services.monotonicNow);
  const audit = (status: number, record: NonNullable<Result['record']>, verified: boolean) =>
    auditRequest(
      services,
      { endpoint, method: request.method, status, elapsed_ms: elapsed(), ...record },
      verified,
    );
  const refuse = async (code: ProblemCode, extras?: ProblemExtras, actor?: string) => {
    const response = problem(code, extras);
    await audit(response.status, { outcome: code, ...(actor !== undefined && { actor }) }, false);
    return response;
  };

  const work = new Map<string, Work>(Object.entries(methods)).get(request.method);
  if (work === undefined) {
    return refuse('method_not_allowed', { headers: { allow: Object.keys(methods).join(', ') } });
  }
  const access = await authenticateOperator(services, request.headers);
  if (!access.ok) return refuse(access.code, {}, 'actor' in access ? access.actor : undefined);
  const { response, record } = await work(access.actor);
  if (record !== null) await audit(response.status, { actor: access.actor, ...record }, true);
  return response;
}
