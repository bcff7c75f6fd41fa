import type { AlertRow } from '../../../contracts/console-alerts.ts';
import { subscriberHref } from '../../lib/subscriber-queries.ts';

const BEFORE_MS = 5 * 60_000;

interface RowsBehind {
  href: string;
  name: string;
}

/** The rows that an alert was raised for; null where no view has them. */
export function rowsBehind(alert: AlertRow): RowsBehind | null {
  const { rule, subject } = alert;
  const view = (path: string, query: Record<string, string>) =>
    `${path}?${new URLSearchParams(query).toString()}`;
  switch (rule) {
    case 'success_rate':
      return {
        name: 'Failed attempts',
        href: view('/audit', { direction: 'out', outcome: 'failed', ...timesOf(alert) }),
      };
    case 'latency':
      return { name: 'Attempts', href: view('/audit', { direction: 'out', ...timesOf(alert) }) };
    case 'queue_depth':
    case 'queue_age':
    case 'circuit_open':
      return { name: 'Deliveries that wait', href: view('/deliveries', { endpoint: subject }) };
    case 'subscriber_failing':
    case 'subscriber_paused':
      return { name: 'The subscriber', href: subscriberHref(subject) };
    case 'dead_letters':
      return { name: 'Dead letters', href: view('/deliveries', { status: 'dead', endpoint: subject }) };
    case 'jobs_overdue':
      return { name: 'Overdue jobs', href: view('/jobs', { state: 'overdue' }) };
    case 'jobs_failing':
      return {
        name: 'Failed jobs',
        href: view('/jobs', {
          state: 'failed',
          // A job without a report has no stage.
          ...(subject !== 'none' && { stage: subject }),
          ...timesOf(alert),
        }),
      };
    default:
      return null;
  }
}

/** What a rule looks back at began before it was seen to be bad. */
function timesOf({ pending_since, resolved_at }: AlertRow): Record<string, string> {
  return {
    since: 'between',
    after: new Date(Date.parse(pending_since) - BEFORE_MS).toISOString(),
    ...(resolved_at !== null && { before: new Date(resolved_at).toISOString() }),
  };
}
