import { setTimeout as sleep } from 'node:timers/promises';
import {
  accountContent,
  eraseRequest,
  type AccountContent,
  type ErasedAccount,
} from '../../contracts/erasure.ts';
import { CRON } from '../auth/operators.ts';
import type { MonotonicClock } from '../clock.ts';
import type { Result } from '../http/operator-guard.ts';
import { answer, problem } from '../http/problem.ts';
import { parseJsonBody } from '../http/read-json.ts';
import type { Store } from '../store/store.ts';
import { ERASURE_BATCH, erasedBatch, logErased } from './erasure.ts';
import type { Log } from './log.ts';

/** How long an erasure runs while the operator waits. The sweeps erase the rest. */
const BUDGET_MS = 60_000;
/** How long to wait for rows held by other transactions; then the sweeps erase the rest. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 200;

type Eraser = Store & MonotonicClock & { now: () => number; log: Log };

/**
 * Reports what an account holds, or erases it. Not for the cron, since the audit names the person who decided it. Audit and
 * log name the account by its id and never by its address, which would outlive the erasure there.
 * @param actor an operator's id, or `cron`, which is refused
 */
export async function eraseAccount(services: Eraser, request: Request, actor: string): Promise<Result> {
  if (actor === CRON) return { response: problem('forbidden'), record: { outcome: 'forbidden' } };
  const body = await parseJsonBody(request, eraseRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const named = 'find' in body.value ? body.value.find.trim() : body.value.user_id;
  const before = await services.rpc('account_content', { p_user: named }, accountContent.nullable());
  if (before === null) {
    return { response: problem('account_not_found'), record: { outcome: 'account_not_found' } };
  }
  const { user_id } = before;
  if ('find' in body.value) {
    return { response: answer(before), record: { outcome: 'account_found', answer: { user_id } } };
  }
  const erased = await erase(services, before);
  const outcome = erased.finished ? 'erased' : 'erasure_begun';
  return { response: answer(erased), record: { outcome, answer: { user_id, erased: erased.erased } } };
}

async function erase(services: Eraser, before: AccountContent): Promise<ErasedAccount> {
  const { user_id } = before;
  const started = services.monotonicNow();
  let heldSince = started;
  let finished = false;
  while (!finished) {
    const batch = await services.rpc(
      'erase_user',
      { p_user_id: user_id, p_limit: ERASURE_BATCH },
      erasedBatch,
    );
    logErased(services, batch);
    finished = !batch.left;
    const now = services.monotonicNow();
    if (batch.busy || batch.reports + batch.users.length > 0) heldSince = now;
    else if (!finished) await sleep(PAUSE_MS);
    if (now - started > BUDGET_MS || now - heldSince > PATIENCE_MS) break;
  }
  const after = await services.rpc('account_content', { p_user: user_id }, accountContent);
  const left = new Map(after.content.map(({ what, things }) => [what, things]));
  return {
    user_id,
    finished,
    erased: before.content.map(({ what, things }) => {
      const rest = left.get(what) ?? 0;
      return { what, things: Math.max(things - rest, 0), left: rest };
    }),
    kept: after.kept,
  };
}
