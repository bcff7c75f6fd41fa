import { describe, expect, it } from 'vitest';
import {
  emptySettings,
  formOf,
  readFilter,
  readSettings,
} from '../../src/console/views/subscribers/settings-form-state.ts';
import { verdictOfSubscriber } from '../../src/console/views/subscribers/verdict.ts';
import type { Compression } from '../../src/contracts/compression.ts';
import type { SubscriberView } from '../../src/contracts/subscribers.ts';
import {
  changesBetween,
  compressionOf,
  stateOf,
  takesOf,
} from '../../src/console/views/subscribers/words.ts';
import { shownSettings, subscriberView } from '../support/subscriber-view.ts';

const text = (...[subscriber, last]: Parameters<typeof verdictOfSubscriber>) =>
  verdictOfSubscriber(subscriber, last)
    .sentences.map((parts) =>
      parts.map((part) => (typeof part === 'string' ? part : `<${part.at}>`)).join(''),
    )
    .filter((sentence) => sentence !== '')
    .join(' ');

const AT = '2026-11-25T12:00:00Z';
const LAST = '2026-11-25T12:59:40Z';

describe('the verdict of a subscriber', () => {
  it('says that it is active, what waits, and when the last one was delivered', () => {
    expect(text(subscriberView({ waiting: 3, oldest_waiting_at: AT }), LAST)).toBe(
      `Active. 3 deliveries wait. The last one was delivered <${LAST}>.`,
    );
    expect(text(subscriberView(), null)).toBe('Active. Nothing waits. No success on record.');
    // Nothing is said of what is not known yet.
    expect(text(subscriberView(), undefined)).toBe('Active. Nothing waits.');
    expect(verdictOfSubscriber(subscriberView(), LAST).tone).toBe('good');
  });

  it('says why it is paused, and until when nothing is lost', () => {
    const paused = subscriberView({
      state: 'paused',
      state_reason: 'gone',
      waiting: 12,
      oldest_waiting_at: AT,
    });
    expect(text(paused, LAST)).toBe(
      `Paused <${AT}> because it answered 410 (gone). 12 deliveries wait, and nothing is lost: the oldest expires <2026-12-25T12:00:00.000Z>, if PAUSE_MAX_DAYS has its default of 30 days. Fix the cause, then resume it.`,
    );
    expect(verdictOfSubscriber(paused, LAST).tone).toBe('bad');
    const byOperator = { ...paused, state_reason: 'operator' as const };
    expect(verdictOfSubscriber(byOperator, LAST).tone).toBe('warn');
    expect(text(byOperator, LAST)).toContain(`Paused <${AT}> by an operator. 12 deliveries wait`);
  });

  it('tells an open circuit, failures, and a filter that errs from good health', () => {
    const open = subscriberView({ circuit_open_since: AT });
    expect(text(open, LAST)).toContain('its circuit opened');
    expect([verdictOfSubscriber(open, LAST).tone, stateOf(open)]).toEqual(['bad', 'circuit open']);
    const failing = subscriberView({ failing_since: AT });
    expect(text(failing, LAST)).toContain(`failing: first failure <${AT}>`);
    expect(verdictOfSubscriber(failing, LAST).tone).toBe('warn');
    const fault = subscriberView({ filter_fault: { at: AT, event_id: 'evt', error: 'no' } });
    expect(text(fault, LAST)).toContain('Its filter failed on an event');
    expect(verdictOfSubscriber(fault, LAST).tone).toBe('warn');
  });

  it('says what an unverified and a removed one need', () => {
    expect(text(subscriberView({ state: 'unverified' }), null)).toContain(
      'It is removed <2026-12-02T12:00:00.000Z> otherwise.',
    );
    expect(text(subscriberView({ state: 'removed', state_reason: 'never_verified' }), null)).toContain(
      'because it did not pass a check within 7 days',
    );
  });

  it('says that a start in the past catches up first', () => {
    expect(text(subscriberView({ takes_events: false }), null)).toContain(
      'catches up with past events first',
    );
  });
});

describe('settings in words', () => {
  it('says in short what is taken', () => {
    expect(takesOf(shownSettings())).toBe('every event');
    const filter = {
      all: [{ exact: { stage: 'final', status: 'completed' } }, { not: { exists: 'metadata.x' } }],
    };
    expect(
      takesOf(
        shownSettings({
          events: { types: ['report.final.completed'], report_types: ['org'], superseded: true },
          filter,
        }),
      ),
    ).toBe('final completed; org reports; filter of 3 clauses; also superseded events');
  });

  it('lists what differs between two revisions, and nothing else', () => {
    const before = shownSettings({ events: { stages: ['final', 'prelim'], superseded: false } });
    const after = shownSettings({
      url: 'https://new.example.org/',
      rate_per_second: 5,
      events: { stages: ['prelim', 'final'], superseded: true },
    });
    expect(changesBetween(before, after)).toEqual([
      { name: 'Url', before: 'https://hooks.example.org/polaris', after: 'https://new.example.org/' },
      { name: 'Rate per second', before: 'any', after: '5' },
      { name: 'Superseded', before: 'no', after: 'yes' },
    ]);
    expect(changesBetween(before, before)).toEqual([]);
  });
});

describe('compression', () => {
  const said = (change: Partial<SubscriberView> & { asked?: Compression }) => {
    const { asked = 'gzip', ...rest } = change;
    return compressionOf(subscriberView({ settings: shownSettings({ compression: asked }), ...rest }));
  };
  const checkWith = (ok: boolean): Partial<SubscriberView> => ({
    last_check: {
      at: '2026-11-25T12:00:00Z',
      actor: 'operator',
      passed: true,
      probes: [{ name: 'compressed', ok, detail: 'seen', advice: null }],
    },
  });

  it('says in which coding bodies go out, and why not as the settings ask', () => {
    expect(said({ asked: 'none' })).toEqual(['none']);
    expect(said({ compression: { in_use: 'gzip', refused_at: null } })).toEqual([
      'gzip, of bodies of 1 KB and more',
    ]);
    expect(said({})).toEqual(['gzip, but not in use: no check has tested it yet. Check the subscriber.']);
    expect(said(checkWith(true))).toEqual([
      'gzip, but not in use: no check has tested it yet. Check the subscriber.',
    ]);
    expect(said(checkWith(false))).toEqual([
      'gzip, but not in use: the last check names the reason and the fix.',
    ]);
    const refused_at = '2026-11-26T12:00:00Z';
    expect(said({ compression: { in_use: null, refused_at } })).toEqual([
      'gzip, but not in use: it refused a compressed body ',
      { at: refused_at },
      ' and accepted the same event uncompressed. Nothing is lost. Fix the receiver, then check it.',
    ]);
  });

  it('that was refused is part of the verdict, while it is asked for', () => {
    const compression = { in_use: null, refused_at: '2026-11-26T12:00:00Z' };
    const asked = subscriberView({ settings: shownSettings({ compression: 'zstd' }), compression });
    const verdict = verdictOfSubscriber(asked, undefined);
    expect(verdict.tone).toBe('warn');
    expect(verdict.sentences.at(-1)?.[0]).toBe('Compression: ');
    expect(verdictOfSubscriber(subscriberView({ compression }), undefined).tone).toBe('good');
  });
});

describe('the form of settings', () => {
  it.each([
    ['{', /^Not JSON: /],
    ['{"exact": {"colour": "red"}}', /^exact › colour must be /],
    ['[]', /^Must be an object with one of exact/],
    ['{"any": []}', /^any must be an array/],
  ])('says what is wrong with the filter %s', (typed, error) => {
    const read = readFilter(typed);
    expect(read.ok ? '' : read.error).toMatch(error);
  });

  it('takes no filter and a right one', () => {
    expect(readFilter(' ')).toEqual({ ok: true, filter: null });
    expect(readFilter('{"exists": "metadata.region"}')).toEqual({
      ok: true,
      filter: { exists: 'metadata.region' },
    });
  });

  it.each([
    [{ url: '' }, { url: 'Enter the URL of the subscriber: https://…' }],
    [{ url: 'hooks' }, { url: 'Enter a complete URL: https://…' }],
    [{ owner_id: 'Ada' }, { owner_id: 'Enter the complete id of a user (a UUID).' }],
    [
      { rate_per_second: '0' },
      { rate_per_second: expect.stringMatching(/^A whole number from 1/) as string },
    ],
    [
      { rate_per_second: 'x' },
      { rate_per_second: expect.stringMatching(/^A whole number from 1/) as string },
    ],
    [{ filter: '{' }, { filter: expect.stringMatching(/^Not JSON/) as string }],
  ])('says at its field what is wrong: %j', (change, errors) => {
    const form = { ...emptySettings(), url: 'https://hooks.example.org/', ...change };
    expect(readSettings(form)).toEqual({ ok: false, errors });
  });

  it('reads back what it shows, without change', () => {
    const settings = shownSettings({
      events: { types: ['report.deleted'], stages: ['final'], superseded: true },
      filter: { exists: 'metadata.region' },
      format_version: '2024-01-01',
      body: 'thin',
      mode: 'latest',
      rate_per_second: 7,
      compression: 'zstd',
    });
    expect(readSettings(formOf(settings))).toEqual({ ok: true, settings });
  });
});
