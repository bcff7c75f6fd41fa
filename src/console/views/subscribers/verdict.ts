import { formatCount } from '../../lib/format.ts';
import type { SubscriberView } from '../../../contracts/subscribers.ts';
import type { Tone } from '../../ui/verdict-box.tsx';
import type { Part } from '../../lib/verdict.ts';
import { compressionOf, reasonOf } from './words.ts';

/** A count of waiting deliveries ends here. */
const WAITING_COUNTED = 10_000;
/** The default of PAUSE_MAX_DAYS: a browser does not know what is set. */
const PAUSE_DAYS = 30;
const DAY_MS = 86_400_000;

interface SubscriberVerdict {
  tone: Tone;
  sentences: Part[][];
}

/**
 * How a subscriber stands, what waits, and what comes next.
 * @param lastSuccess when it last confirmed a delivery; null: not among the newest attempts; undefined: it is not known yet
 */
export function verdictOfSubscriber(
  subscriber: SubscriberView,
  lastSuccess: string | null | undefined,
): SubscriberVerdict {
  const { state, state_since, failing_since, circuit_open_since, takes_events, filter_fault } = subscriber;
  const reason = reasonOf(subscriber);
  const because =
    subscriber.state_reason === 'operator' ? ' by an operator' : reason === null ? '' : ` because ${reason}`;
  const fault: Part[][] =
    filter_fault === null
      ? []
      : [['Its filter failed on an event ', { at: filter_fault.at }, ', which was not sent to it.']];
  if (subscriber.settings.compression !== 'none' && subscriber.compression.refused_at !== null) {
    fault.push(['Compression: ', ...compressionOf(subscriber)]);
  }
  switch (state) {
    case 'unverified':
      return {
        tone: 'warn',
        sentences: [
          ['Unverified: it has not passed a check yet, and is sent no events.'],
          [
            'Deploy its receiver with the secret, then check it. It is removed ',
            { at: later(subscriber.created_at, 7) },
            ' otherwise.',
          ],
        ],
      };
    case 'paused':
      return {
        // A person's decision is no fault.
        tone: subscriber.state_reason === 'operator' ? 'warn' : 'bad',
        sentences: [
          ['Paused ', { at: state_since }, `${because}.`],
          keptWhilePaused(subscriber),
          [
            subscriber.state_reason === 'operator'
              ? 'Resume it when it is ready.'
              : 'Fix the cause, then resume it.',
          ],
        ],
      };
    case 'removed':
      return {
        tone: 'idle',
        sentences: [
          ['Removed ', { at: state_since }, `${because}.`],
          ['It is sent nothing any more. What it was sent stays in the audit.'],
        ],
      };
    case 'active': {
      const waits = waitingOf(subscriber);
      if (circuit_open_since !== null) {
        return {
          tone: 'bad',
          sentences: [
            ['Active, but its requests fail: its circuit opened ', { at: circuit_open_since }, '.'],
            [waits],
            ['One delivery at a time probes whether it is back.'],
            lastOf(lastSuccess),
          ],
        };
      }
      if (failing_since !== null) {
        return {
          tone: 'warn',
          sentences: [
            ['Active, but failing: first failure ', { at: failing_since }, '.'],
            [waits],
            lastOf(lastSuccess),
            ['Failed deliveries are retried by their schedule.'],
            ...fault,
          ],
        };
      }
      const catchesUp: Part[][] = takes_events
        ? []
        : [['It catches up with past events first; then live ones follow without a gap.']];
      return {
        tone: fault.length > 0 ? 'warn' : 'good',
        sentences: [['Active.'], ...catchesUp, [waits], lastOf(lastSuccess), ...fault],
      };
    }
  }
}

function waitingOf({ waiting }: SubscriberView): string {
  if (waiting === 0) return 'Nothing waits.';
  return `${countOf(waiting)} ${waiting === 1 ? 'delivery waits' : 'deliveries wait'}.`;
}

/** A number of waiting deliveries, as far as it was counted. */
export function countOf(waiting: number): string {
  return `${formatCount(waiting)}${waiting >= WAITING_COUNTED ? ' or more' : ''}`;
}

function keptWhilePaused(subscriber: SubscriberView): Part[] {
  const { waiting, oldest_waiting_at } = subscriber;
  if (waiting === 0) return ['Nothing waits; new events are kept for it.'];
  const kept = `${waitingOf(subscriber).slice(0, -1)}, and nothing is lost`;
  if (oldest_waiting_at === null) return [`${kept}.`];
  return [
    `${kept}: the oldest expires `,
    { at: later(oldest_waiting_at, PAUSE_DAYS) },
    `, if PAUSE_MAX_DAYS has its default of ${PAUSE_DAYS} days.`,
  ];
}

function lastOf(lastSuccess: string | null | undefined): Part[] {
  if (lastSuccess === undefined) return [];
  return lastSuccess === null
    ? ['No success on record.']
    : ['The last one was delivered ', { at: lastSuccess }, '.'];
}

function later(time: string, days: number): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : new Date(at + days * DAY_MS).toISOString();
}
