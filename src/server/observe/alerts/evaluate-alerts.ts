import { z } from 'zod';
import type { AlertAddress } from '../../../contracts/env-values.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log.ts';

export interface Evaluator extends Store {
  now: () => number;
  log: Log;
  alertAddresses: readonly AlertAddress[];
  /** By variable name: `fingerprintsOf`. */
  secretFingerprints: Readonly<Record<string, string[]>>;
}

// Used for logging only; no decision here depends on these.
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
 * Evaluates every alert rule in the database, unless another caller is doing so. Returns how many alerts fired or resolved;
 * null: not evaluated.
 * @param unlessSwept skip the evaluation while sweeps run, which evaluate themselves
 * @throws {DatabaseUnavailable}
 */
export async function evaluateAlerts(evaluator: Evaluator, unlessSwept = false): Promise<number | null> {
  const answer = await evaluator.rpc(
    'evaluate_alerts',
    {
      // Without addresses, no deliveries are written: they would be dead after a day.
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
