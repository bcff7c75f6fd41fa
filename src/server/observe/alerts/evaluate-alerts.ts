import { z } from 'zod';
import type { AlertAddress } from '../../../contracts/env-values.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log.ts';

export interface Evaluator extends Store {
  now: () => number;
  log: Log;
  alertAddresses: readonly AlertAddress[];
  /** By the name of their variable: `fingerprintsOf`. */
  secretFingerprints: Readonly<Record<string, string[]>>;
}

// What changed and what failed is only logged: nothing of it decides anything here.
const evaluation = z.discriminatedUnion('evaluated', [
  z.object({ evaluated: z.literal(false) }),
  z.object({
    evaluated: z.literal(true),
    changes: z.array(
      z.looseObject({
        alert_id: z.string(),
        rule: z.string(),
        subject: z.string(),
        severity: z.string(),
        value: z.number(),
        affected: z.int(),
        resolved_at: z.string().nullable(),
      }),
    ),
    failures: z.array(z.looseObject({ subject: z.string(), facts: z.json() })),
  }),
]);

/**
 * Evaluates every alert rule in the database, unless another caller does so now. Returns how many alerts fired or resolved;
 * null: it was not evaluated.
 * @param unlessSwept also not while sweeps come, which evaluate
 * @throws {DatabaseUnavailable}
 */
export async function evaluateAlerts(evaluator: Evaluator, unlessSwept = false): Promise<number | null> {
  const answer = await evaluator.rpc(
    'evaluate_alerts',
    {
      // Without an address nothing is written to be sent: it would be dead a day later.
      p_notify: evaluator.alertAddresses.length > 0,
      p_function_time: new Date(evaluator.now()).toISOString(),
      p_secrets: evaluator.secretFingerprints,
      p_unless_swept: unlessSwept,
    },
    evaluation,
  );
  if (!answer.evaluated) return null;
  for (const { alert_id, rule, subject, severity, value, affected, resolved_at } of answer.changes) {
    const details = { alert: alert_id, rule, subject, severity, value, affected };
    if (resolved_at === null) evaluator.log('error', 'an alert fires', details);
    else evaluator.log('info', 'an alert is resolved', details);
  }
  for (const { subject, facts } of answer.failures) {
    evaluator.log('error', 'an alert rule failed', { rule: subject, facts });
  }
  return answer.changes.length;
}
