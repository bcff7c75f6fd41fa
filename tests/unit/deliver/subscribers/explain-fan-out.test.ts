import { describe, expect, it } from 'vitest';
import { FAN_OUT_REASONS } from '../../../../src/contracts/subscribers.ts';
import {
  explainFanOut,
  type FanOutFacts,
} from '../../../../src/server/deliver/subscribers/explain-fan-out.ts';

const AT = '2026-11-26T12:00:00.000Z';
const NOW = Date.parse('2026-11-26T12:10:00Z');
const LATER = '2026-11-26T12:30:00.000Z';

type Delivery = FanOutFacts['deliveries'][number];
interface Change {
  event?: Partial<FanOutFacts['event']>;
  endpoint?: Partial<FanOutFacts['endpoint']>;
  selection?: Partial<NonNullable<FanOutFacts['settings']>['events']>;
  facts?: Partial<FanOutFacts>;
  delivery?: Partial<Delivery>;
}

const delivery = (change: Partial<Delivery>): Delivery => ({
  delivery_id: 1,
  plan: 0,
  status: 'pending',
  attempts: 0,
  dead_reason: null,
  format_version: '2026-12-01',
  waits_for: null,
  last_attempt: null,
  next_attempt: AT,
  ...change,
});

/** An event that the settings admit, and what is changed of it. */
function factsWith({ event, endpoint, selection, facts, delivery: one }: Change): FanOutFacts {
  return {
    event: {
      id: 'evt_1',
      type: 'report.prelim.completed',
      report_type: 'org',
      report_id: 'r',
      stage: 'prelim',
      status: 'completed',
      channel: 'webhook',
      effect: 'applied',
      position: 1,
      applied_at: AT,
      bulk: false,
      erased_at: null,
      ...event,
    },
    endpoint: {
      state: 'active',
      state_reason: null,
      created_at: '2026-11-25T00:00:00.000Z',
      verified_at: '2026-11-25T01:00:00.000Z',
      circuit_open_since: null,
      ...endpoint,
    },
    revision: 3,
    takes_events: true,
    change: 'verified',
    settings: {
      url: 'https://hooks.example.org',
      description: '',
      events: { superseded: false, ...selection },
      filter: null,
      format_version: '2026-12-01',
      body: 'full',
      mode: 'every',
      rate_per_second: null,
      compression: 'none',
    },
    is_owner: null,
    filter_matches: null,
    is_pending: false,
    values: null,
    fault: null,
    deliveries: one === undefined ? [] : [delivery(one)],
    ...facts,
  };
}

const FILTERED = factsWith({}).settings && {
  settings: { ...factsWith({}).settings, filter: { exact: { channel: 'owner' } } } as FanOutFacts['settings'],
};
const DECISION = {
  matches: false,
  decided_by: 'exact.channel',
  explanation: 'Does not match: channel is "webhook", not "owner".',
};

const CASES: [(typeof FAN_OUT_REASONS)[number], Change, string][] = [
  ['delivered', { delivery: { status: 'success', attempts: 2, last_attempt: AT } }, 'with attempt 2'],
  ['delivered', { delivery: { status: 'success', plan: 7 } }, 'by replay 7'],
  ['sending', { delivery: { status: 'sent' } }, 'its answer was lost'],
  ['scheduled', { delivery: { next_attempt: LATER, attempts: 3, status: 'retrying' } }, `due at ${LATER}`],
  ['scheduled', { delivery: { next_attempt: LATER } }, 'not been tried yet'],
  ['scheduled', { delivery: {} }, 'It is due'],
  ['waits_for_earlier', { delivery: { waits_for: 'evt_0' } }, 'waits for event evt_0'],
  ['paused', { delivery: {}, endpoint: { state: 'paused', state_reason: 'gone' } }, 'paused (gone)'],
  ['circuit_open', { delivery: {}, endpoint: { circuit_open_since: AT } }, `open since ${AT}`],
  [
    'dead_letter',
    { delivery: { status: 'failed', dead_reason: 'attempts_exhausted', attempts: 9 } },
    'every attempt',
  ],
  ['dead_letter', { delivery: { status: 'failed', dead_reason: 'pause_expired' } }, 'for too long'],
  [
    'cancelled',
    { delivery: { status: 'cancelled' }, endpoint: { state: 'removed' } },
    'endpoint was removed',
  ],
  ['cancelled', { delivery: { status: 'cancelled' }, event: { erased_at: AT } }, 'was erased'],
  ['cancelled', { delivery: { status: 'cancelled' } }, 'The report was deleted'],
  ['cancelled', { delivery: { status: 'cancelled', plan: 4 } }, 'Replay 4 was cancelled'],
  ['superseded_by_newer', { delivery: { status: 'superseded' } }, 'A newer event'],
  ['imported', { event: { channel: 'import' } }, 'imported'],
  ['no_effect_yet', { event: { effect: null, applied_at: null } }, 'not been applied'],
  [
    'not_there_yet',
    { facts: { revision: null, settings: null, takes_events: null } },
    'created at 2026-11-25',
  ],
  ['removed', { facts: { takes_events: false, change: 'removed' } }, 'was removed'],
  ['unverified', { facts: { takes_events: false }, endpoint: { verified_at: null } }, 'check'],
  ['unverified', { facts: { takes_events: false }, endpoint: { verified_at: LATER } }, 'check'],
  ['catching_up', { facts: { takes_events: false } }, 'catching up'],
  ['bulk', { event: { bulk: true } }, 'bulk write'],
  ['superseded_effect', { event: { effect: 'superseded' } }, 'superseded this one'],
  [
    'type',
    { selection: { types: ['report.deleted'] } },
    'is report.prelim.completed, and the endpoint takes the types report.deleted',
  ],
  ['report_type', { selection: { report_types: ['greeting'] } }, 'The report type of the event is org'],
  ['stage', { selection: { stages: ['final'] } }, 'takes the stages final'],
  ['stage', { selection: { stages: ['final'] }, event: { stage: null } }, 'is absent'],
  ['status', { selection: { statuses: ['failed', 'deleted'] } }, 'takes the statuses failed, deleted'],
  ['owner', { selection: { owner_id: 'u' }, facts: { is_owner: false } }, 'another owner'],
  ['owner', { selection: { owner_id: 'u' } }, 'owner is unknown'],
  ['filter', { facts: { ...FILTERED, filter_matches: false } }, '(clause exact.channel): does not match'],
  ['filter_fault', { facts: { ...FILTERED, fault: 'no such thing' } }, 'no such thing'],
  ['content_erased', { facts: { ...FILTERED } }, 'was erased since'],
  ['delivery_missing', {}, 'npm run verify'],
  ['delivery_missing', { facts: { ...FILTERED, filter_matches: true } }, 'npm run verify'],
  ['scheduled', { facts: { ...FILTERED, filter_matches: true, is_pending: true } }, 'the next sweep'],
];

it.each(CASES)('says %s, in a sentence', (reason, change, words) => {
  const explained = explainFanOut(factsWith(change), DECISION, NOW);
  expect(explained.reason).toBe(reason);
  expect(explained.sentence).toContain(words);
  expect(explained.sentence).toMatch(/^[A-Z].*[^.]\.$/);
});

describe('the list of reasons', () => {
  it('has a case for each, so that every pair has an answer', () => {
    expect([...new Set(CASES.map(([reason]) => reason))].sort()).toEqual([...FAN_OUT_REASONS].sort());
  });
});

it('explains the live delivery where there are replays as well, else the last replay', () => {
  const facts = (deliveries: Delivery[]) => factsWith({ facts: { deliveries } });
  const live = delivery({ status: 'success', attempts: 1 });
  const replay = delivery({ plan: 2, status: 'cancelled' });
  expect(explainFanOut(facts([live, replay]), null, NOW).reason).toBe('delivered');
  expect(explainFanOut(facts([delivery({ plan: 1 }), replay]), null, NOW).reason).toBe('cancelled');
});
