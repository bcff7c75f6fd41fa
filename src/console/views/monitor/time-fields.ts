import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';

/** What a list's address needs to show the rows of the same time. */
export function timeFields({
  window,
  from,
  to,
}: Pick<WebhookStatistics, 'window' | 'from' | 'to'>): Record<string, string> {
  return window === null ? { since: 'between', after: from, before: to } : { since: window };
}
