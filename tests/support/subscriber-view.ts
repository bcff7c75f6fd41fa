import type { ShownSettings, SubscriberView } from '../../src/contracts/subscribers.ts';

export const SUBSCRIBER_ID = 'ep-0123456789abcdef';
const AT = '2026-11-25T12:00:00Z';

export function shownSettings(change: Partial<ShownSettings> = {}): ShownSettings {
  return {
    url: 'https://hooks.example.org/polaris',
    description: 'The learning platform',
    events: { superseded: false },
    filter: null,
    format_version: '2026-12-01',
    body: 'full',
    mode: 'every',
    rate_per_second: null,
    compression: 'none',
    ...change,
  };
}

/** A subscriber as the API shows it: active and well, where nothing else is said. */
export function subscriberView(change: Partial<SubscriberView> = {}): SubscriberView {
  return {
    endpoint_id: SUBSCRIBER_ID,
    state: 'active',
    state_reason: null,
    state_since: AT,
    verified_at: AT,
    failing_since: null,
    created_at: AT,
    created_by: 'operator',
    circuit_open_since: null,
    in_flight_allowed: 10,
    revision: 1,
    revised_at: AT,
    takes_events: true,
    settings: shownSettings(),
    compression: { in_use: null, refused_at: null },
    secrets: [{ id: 1, created_at: AT, expires_at: null }],
    waiting: 0,
    oldest_waiting_at: null,
    last_check: null,
    filter_fault: null,
    ...change,
  };
}
