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
  /** Whether it is a dead letter now. */
  dead: z.boolean(),
  effect: z.enum(['applied', 'superseded', 'report_not_found']).nullable(),
  /** The event has just been applied by this record, and subscribers are to hear of it. */
  outward: eventId.nullish(),
});
export type Recorded = z.infer<typeof recorded>;

/**
 * Records a round of attempts, which schedules the next, under the delivery's fencing token.
 * @throws {DatabaseUnavailable} nothing is known of what was recorded; a sweep finds the delivery when its lease ends
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

/** Rounds of one call: more would hold the locks of their reports for longer than one that fails alone waits. */
const RECORDED_AT_ONCE = 10;

/** Records rounds that were delivered, those that end at the same time by one call. */
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
 * The fallback: records the failed round and, in the same transaction, applies the event without the webhook. Tried again
 * where the database is away, since the report waits for it; after that a sweep does it. A round whose words the database
 * refuses is recorded without them: unrecorded, it would be sent again and again, outside the schedule.
 * @throws {DatabaseUnavailable} when no try was answered
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
