import { describe, expect, it } from 'vitest';
import type { Call, FinalEvent } from '../../../tools/chaos/history/call.ts';
import { checkHistory } from '../../../tools/chaos/history/check.ts';
import { explain } from '../../../tools/chaos/history/explain.ts';
import { shorten } from '../../../tools/chaos/history/shorten.ts';

type Body = Call extends infer One
  ? One extends Call
    ? Omit<One, 'n' | 'report' | 'begin' | 'end'>
    : never
  : never;

/** Calls with their begin and end; no end: no answer. */
function history(...calls: (readonly [begin: number, end: number | null, body: Body])[]): Call[] {
  return calls.map(([begin, end, body], n) => ({ n, report: 'r', begin, end, ...body }));
}

type Webhook = Extract<Body, { call: 'webhook' }>;
type Answer<Name extends Call['call']> = Extract<Body, { call: Name }>['answer'];

/** From a sender of its own. The second is the newer one. */
const sent = (event: string, answer: Webhook['answer'], other: Partial<Webhook> = {}): Webhook => ({
  call: 'webhook',
  event,
  job: `job of ${event}`,
  stage: 'final',
  at: event === 'older' ? 100 : 200,
  text: `text of ${event}`,
  failed: false,
  own: false,
  answer,
  ...other,
});
const read = (answer: Answer<'read'>): Body => ({ call: 'read', answer });
const shows = (event: string | null, status = 'completed') =>
  read({ text: event === null ? null : `text of ${event}`, status });
const request = (answer: Answer<'request'>, stage: 'prelim' | 'final' = 'final'): Body => ({
  call: 'request',
  job: 'job',
  stage,
  at: 2,
  answer,
});
const complete = (answer: Answer<'complete'>, text = 'text of own'): Body => ({
  call: 'complete',
  job: 'job',
  event: 'own',
  text,
  failed: false,
  answer,
});
const own = (answer: Webhook['answer']) => sent('own', answer, { job: 'job', own: true });
const write = (
  text: string,
  answer: Answer<'write'> = 'written',
  by: 'owner' | 'platform' = 'owner',
): Body => ({
  call: 'write',
  by,
  text: `text of ${text}`,
  answer,
});
const remove: Body = { call: 'delete', answer: 'gone' };
const erase = (what: string): Body => ({ call: 'erase', what, answer: null });
const listed = (...events: FinalEvent[]): Body => ({ call: 'list events', answer: events });
const event = (id: 'older' | 'newer', effect: FinalEvent['effect']): FinalEvent => ({
  event: id,
  by: 'result',
  at: id === 'older' ? 100 : 200,
  effect,
});

describe('a history that no order explains:', () => {
  it.each<[string, Call[]]>([
    ['applied twice', history([1, 2, sent('newer', 'applied')], [3, 4, sent('newer', 'applied')])],
    ['applied twice at once', history([1, 9, sent('newer', 'applied')], [2, 8, sent('newer', 'applied')])],
    [
      'duplicate before anything was applied',
      history([3, 4, sent('newer', 'applied')], [1, 2, sent('newer', 'duplicate')]),
    ],
    ['superseded by nothing', history([1, 2, sent('newer', 'superseded')])],
    [
      'superseded by an older one',
      history([1, 2, sent('older', 'applied')], [3, 4, sent('newer', 'superseded')]),
    ],
    ['applied over a newer one', history([1, 2, sent('newer', 'applied')], [3, 4, sent('older', 'applied')])],
    [
      'a prelim applied over a final',
      history([1, 2, sent('older', 'applied')], [3, 4, sent('newer', 'applied', { stage: 'prelim' })]),
    ],
    [
      'another text taken for the same event',
      history([1, 2, sent('newer', 'applied')], [3, 4, sent('newer', 'duplicate', { text: 'x' })]),
    ],
    [
      'a conflict with the same text',
      history([1, 2, sent('newer', 'applied')], [3, 4, sent('newer', 'event_conflict')]),
    ],
    [
      'two results of one job',
      history([1, 2, sent('older', 'applied', { job: 'j' })], [3, 4, sent('newer', 'applied', { job: 'j' })]),
    ],
    ['a lost update', history([1, 2, sent('newer', 'applied')], [3, 4, shows(null, 'pending')])],
    [
      'a stale read after a newer one was applied',
      history([1, 2, sent('older', 'applied')], [3, 4, sent('newer', 'applied')], [5, 6, shows('older')]),
    ],
    [
      'a read that goes back',
      history(
        [1, 2, sent('older', 'applied')],
        [3, 9, sent('newer', 'applied')],
        [4, 5, shows('newer')],
        [6, 7, shows('older')],
      ),
    ],
    ['a text from nowhere', history([1, 2, shows('newer')])],
    ['a read of what comes later', history([3, 4, sent('newer', 'applied')], [1, 2, shows('newer')])],
    [
      'a status that nothing tells',
      history([1, 2, sent('newer', 'applied')], [3, 4, shows('newer', 'failed')]),
    ],
    [
      'an edit undone',
      history([1, 2, sent('newer', 'applied')], [3, 4, write('edit')], [5, 6, shows('newer')]),
    ],
    [
      'an edit done twice',
      history(
        [1, null, write('edit', null)],
        [2, 3, write('other')],
        [4, 5, shows('edit')],
        [6, 7, write('third')],
        [8, 9, shows('edit')],
      ),
    ],
    [
      'a text shown after its deletion',
      history([1, 2, sent('newer', 'applied')], [3, 4, remove], [5, 6, shows('newer')]),
    ],
    ['applied after the deletion', history([1, 2, remove], [3, 4, sent('newer', 'applied')])],
    ['not found without a deletion', history([1, 2, sent('newer', 'report_not_found')])],
    [
      'found again after it was not',
      history(
        [1, 2, sent('newer', 'applied')],
        [3, null, { ...remove, answer: null }],
        [4, 5, read('gone')],
        [6, 7, shows('newer')],
      ),
    ],
    ['an edit of what is gone', history([1, 2, remove], [3, 4, write('edit')])],
    [
      'known again after it was erased',
      history(
        [1, 2, sent('newer', 'applied')],
        [3, 4, remove],
        [4, null, erase('newer')],
        [5, 6, sent('newer', 'duplicate')],
        [7, 8, sent('newer', 'report_not_found')],
      ),
    ],
    [
      'a result on the network that no completion made',
      history([1, 2, request('job')], [5, 6, complete('accepted')], [3, 4, own('applied')]),
    ],
    [
      'a result that is accepted and forgotten',
      history([1, 2, request('job')], [3, 4, complete('accepted')], [5, 6, shows(null, 'pending')]),
    ],
    [
      'another result of a finished job',
      history([1, 2, request('job')], [3, 4, complete('accepted')], [5, 6, complete('accepted', 'x')]),
    ],
    ['two jobs for one key', history([1, 2, request('job')], [3, 4, request('another')])],
    ['a job of no time of its request', history([5000, 5001, request('job')])],
    [
      'a key forgotten without an erasure',
      history([1, 2, request('job')], [3, 4, remove], [5, 6, request('report_not_found')]),
    ],
    [
      'a prelim requested after a final',
      history([1, 2, sent('newer', 'applied')], [3, 4, request('job', 'prelim')]),
    ],
    [
      'a final refused for a final',
      history([1, 2, sent('newer', 'applied')], [3, 4, request('final_exists')]),
    ],
    ['an effect that nobody was told', history([1, 2, sent('newer', 'applied')], [3, 4, listed()])],
    ['an effect that nobody brought about', history([1, 2, listed(event('newer', 'applied'))])],
    [
      'another effect than was answered',
      history([1, 2, sent('newer', 'applied')], [3, 4, listed(event('newer', 'superseded'))]),
    ],
    [
      'effects numbered in another order',
      history(
        [1, 2, sent('older', 'applied')],
        [3, 4, sent('newer', 'applied')],
        [5, 6, listed(event('newer', 'applied'), event('older', 'superseded'))],
      ),
    ],
  ])('%s', (_, calls) => {
    // The last one listed is the one that is wrong.
    expect(explain(calls.slice(0, -1)).verdict).toBe('explained');
    expect(explain(calls).verdict).toBe('unexplained');
  });
});

describe('a history that some order explains:', () => {
  it.each<[string, Call[]]>([
    ['nothing', []],
    ['a repeat', history([1, 2, sent('newer', 'applied')], [3, 4, sent('newer', 'duplicate')])],
    [
      'a repeat that overtakes',
      history([1, 9, sent('newer', 'duplicate')], [2, 8, sent('newer', 'applied')]),
    ],
    [
      'a duplicate of a call whose answer was lost',
      history([1, null, sent('newer', null)], [3, 4, sent('newer', 'duplicate')]),
    ],
    [
      'a lost call that arrives late',
      history([1, null, sent('newer', null)], [3, 4, shows(null, 'pending')], [5, 6, shows('newer')]),
    ],
    [
      'a lost call that never arrives',
      history([1, null, sent('newer', null)], [3, 4, shows(null, 'pending')]),
    ],
    [
      'a lost call that supersedes',
      history([1, null, sent('newer', null)], [3, 4, sent('older', 'superseded')], [5, 6, shows('newer')]),
    ],
    [
      'older after newer',
      history([1, 2, sent('newer', 'applied')], [3, 4, sent('older', 'superseded')], [5, 6, shows('newer')]),
    ],
    [
      'both orders at once',
      history(
        [1, 9, sent('older', 'superseded')],
        [2, 8, sent('newer', 'applied')],
        [3, 4, shows(null, 'pending')],
      ),
    ],
    [
      'reads on both sides of a call that is under way',
      history([1, 9, sent('newer', 'applied')], [2, 3, shows(null, 'pending')], [4, 5, shows('newer')]),
    ],
    [
      'an edit, and a final that is newer than it',
      history(
        [1, 2, sent('older', 'applied', { stage: 'prelim' })],
        [3, 4, write('edit')],
        [5, 6, sent('newer', 'applied')],
        [7, 8, shows('newer')],
      ),
    ],
    [
      'an edit, and a final that is older than it',
      history(
        [1, 2, sent('older', 'applied')],
        [3000, 3001, write('edit')],
        [3002, 3003, sent('newer', 'superseded')],
        [3004, 3005, shows('edit')],
      ),
    ],
    ['an edit whose answer was lost', history([1, null, write('edit', null)], [3, 4, shows('edit')])],
    [
      'a write of the platform, numbered',
      history(
        [1, 2, write('plt', 'written', 'platform')],
        [3, 4, shows('plt')],
        [5, 6, listed({ event: 'plt_1', by: 'platform', at: 1, effect: 'applied' })],
      ),
    ],
    [
      'a job: requested, completed unseen, sent',
      history(
        [1, 2, request('job')],
        [1, null, complete(null)],
        [2, 3, shows(null, 'running')],
        [3, 4, own('applied')],
        [5, 6, shows('own')],
        [7, 8, own('duplicate')],
      ),
    ],
    [
      'a direct update that nobody sees',
      history(
        [1, 2, request('job')],
        [1, null, complete(null)],
        [1, null, { call: 'direct update', event: 'own', answer: null }],
        [3, 4, shows('own')],
        [5, 6, own('duplicate')],
      ),
    ],
    [
      'a key asked again after the deletion',
      history([1, 2, request('job')], [3, 4, remove], [5, 6, request('job')]),
    ],
    [
      'a key asked again after the erasure',
      history(
        [1, 2, request('job')],
        [3, 4, remove],
        [4, null, erase('job')],
        [5, 6, request('report_not_found')],
      ),
    ],
    [
      'a request that was deleted under',
      history([1, 2, remove], [3, 4, request('report_not_found')], [5, 6, read('gone')]),
    ],
    [
      'an event of a deleted report: not found until it is erased, then a duplicate of whatever text',
      history(
        [1, 2, sent('newer', 'applied')],
        [3, 4, remove],
        [4, null, erase('newer')],
        [5, 6, sent('newer', 'report_not_found')],
        [7, 8, sent('newer', 'duplicate', { text: 'x' })],
      ),
    ],
    [
      'a conflict',
      history([1, 2, sent('newer', 'applied')], [3, 4, sent('newer', 'event_conflict', { text: 'x' })]),
    ],
    [
      'another event of the job',
      history(
        [1, 2, sent('older', 'applied', { job: 'j' })],
        [3, 4, sent('newer', 'job_conflict', { job: 'j' })],
      ),
    ],
    [
      'a failure that nothing newer follows',
      history(
        [1, 2, sent('older', 'applied')],
        [3, 4, sent('newer', 'applied', { failed: true })],
        [5, 6, shows('older', 'failed')],
      ),
    ],
    [
      'a failure of an older request',
      history(
        [1, 2, sent('newer', 'applied')],
        [3, 4, sent('older', 'superseded', { failed: true })],
        [5, 6, shows('newer')],
      ),
    ],
  ])('%s', (_, calls) => {
    expect(explain(calls).verdict).toBe('explained');
  });
});

it('an explanation names the calls in the order that explains them, and lost ones where they happened', () => {
  const calls = history(
    [1, null, sent('newer', null)],
    [2, null, sent('older', null)],
    [3, 9, sent('older', 'superseded')],
    [4, 5, shows('newer')],
  );
  const explanation = explain(calls);
  expect(explanation.verdict === 'explained' ? explanation.order.map(({ n }) => n) : []).toEqual([0, 3, 2]);
});

it('what could not be decided is no success', () => {
  const many = Array.from(
    { length: 12 },
    (_, index) => [1, null, sent(`e${index}`, null, { at: index })] as const,
  );
  const checked = checkHistory(history(...many, [2, 3, shows('nothing')]), 100);
  expect(checked.explained).toBe(0);
  expect(checked.unexplained).toEqual([{ report: 'r', lines: ['could not be decided within 100 states'] }]);
});

it('is shortened to the answers that contradict each other, and shown as a timeline', () => {
  const calls = history(
    [1000, 1010, sent('older', 'applied')],
    [1015, 1050, sent('older', 'duplicate')],
    [1020, 1030, shows('older')],
    [1040, 1060, sent('newer', 'applied')],
    [1065, null, sent('older', null)],
    [1070, 1080, shows('older')],
    [1090, 1100, shows('newer')],
  );
  expect(shorten(calls).needed.map(({ n }) => n)).toEqual([3, 5]);
  const [report] = checkHistory(calls).unexplained;
  expect(report?.lines).toMatchInlineSnapshot(`
    [
      "No order of the calls explains these answers:",
      "█████████████                 40 –     60 ms  webhook newer of job of newer: final, requested at 200, text text of newer → applied",
      "                 ███████      70 –     80 ms  read → text text of older, completed",
      "Other calls do not explain them either, whether they happened or not: 3 webhook, 2 read.",
    ]
  `);
});

it('reports are checked each by itself', () => {
  const one = history([1, 2, sent('newer', 'applied')]);
  const other = history([1, 2, sent('newer', 'duplicate')]).map((call) => ({ ...call, report: 'other' }));
  const checked = checkHistory([...one, ...other]);
  expect([checked.reports, checked.explained]).toEqual([2, 1]);
  expect(checked.unexplained.map(({ report }) => report)).toEqual(['other']);
});
