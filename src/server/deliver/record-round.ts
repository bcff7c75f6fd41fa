import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DELIVERY_STATUSES } from '../../contracts/constants.ts';
import { eventId } from '../../contracts/webhooks.ts';
import type { Json } from '../../contracts/text.ts';
import { DatabaseUnavailable, type Store } from '../store/store.ts';
import type { ClaimedDelivery, Round } from './delivery.ts';
import { gather } from './gather.ts';

const recorded = z.object({
  status: z.enum(DELIVERY_STATUSES),
  /** Whether the delivery is a dead letter now. */
  dead: z.boolean(),
  effect: z.enum(['applied', 'superseded', 'report_not_found']).nullable(),
  /** The event, if this record has just applied it and subscribers should get it. */
  outward: eventId.nullish(),
});
export type Recorded = z.infer<typeof recorded>;

/**
 * Records a round of attempts under the delivery's fencing token, which schedules the next round.
 * @throws {DatabaseUnavailable} the outcome is unknown; a sweep recovers the delivery when its lease expires
 */
export async function recordRound(store: Store, delivery: ClaimedDelivery, round: Round): Promise<Recorded> {
  const parameters = {
    p_delivery_id: delivery.delivery_id,
    p_delivery_token: delivery.delivery_token,
    p_result: round.result,
    p_attempts: round.attempts.map((attempt): Json => ({ ...attempt })),
    p_retry_after_seconds: round.retryAfterSeconds ?? undefined,
  };
  return store.rpc('record_delivery_attempts', parameters, recorded);
}

export type RecordRound = (delivery: ClaimedDelivery, round: Round) => Promise<Recorded>;

/** Rounds per call. A larger batch would hold the locks of its reports for longer than a single failing record waits. */
const RECORDED_AT_ONCE = 10;

/** Records delivered rounds, with one call for those that end at the same time. */
export function recordTogether(store: Store): RecordRound {
  const record = gather(RECORDED_AT_ONCE, async (rounds: readonly Delivered[]) => {
    const [first, ...others] = rounds;
    if (first !== undefined && others.length === 0)
      return [await recordRound(store, first.delivery, first.round)];
    const answers = await store.rpc(
      'record_delivered_rounds',
      {
        p_rounds: rounds.map(({ delivery, round }): Json => ({
          delivery_id: delivery.delivery_id,
          delivery_token: delivery.delivery_token,
          attempts: round.attempts.map((attempt): Json => ({ ...attempt })),
        })),
      },
      z.array(recorded.nullable()),
    );
    return answers;
  });
  return async (delivery, round) =>
    (await record({ delivery, round })) ?? (await recordRound(store, delivery, round));
}

interface Delivered {
  delivery: ClaimedDelivery;
  round: Round;
}

const DIRECT_UPDATE_TRIES = 3;
const PAUSE_MS = 500;

/**
 * The fallback: records the failed round and, in the same transaction, applies the event without the webhook. Retries while
 * the database is unavailable, since the report waits for this; afterwards a sweep takes over. If the database rejects the
 * answer's text, records the round without the text: an unrecorded round would be sent again and again, outside of the
 * schedule.
 * @throws {DatabaseUnavailable} if every try failed
 */
export async function directDatabaseUpdate(
  store: Store,
  delivery: ClaimedDelivery,
  round: Round,
): Promise<Recorded> {
  let told = round;
  for (let tries = 1; ; tries += 1) {
    try {
      return await recordRound(store, delivery, told);
    } catch (error) {
      if (tries === DIRECT_UPDATE_TRIES) throw error;
      if (isRefusedAsData(error)) told = withoutWords(round);
      else await sleep(PAUSE_MS * tries);
    }
  }
}

/** SQLSTATE class 22, data exception. */
const dataException = z.object({ code: z.string().startsWith('22') });

function isRefusedAsData(error: unknown): boolean {
  return error instanceof DatabaseUnavailable && dataException.safeParse(error.cause).success;
}

function withoutWords(round: Round): Round {
  const attempts = round.attempts.map((attempt) => ({
    ...attempt,
    error: 'response text could not be stored',
    response: null,
  }));
  return { ...round, attempts, retryAfterSeconds: null };
}
