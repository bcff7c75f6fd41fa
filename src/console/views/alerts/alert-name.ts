import { wordsOf } from '../../../contracts/alerts.ts';

/** As messages name it. */
export function alertName({ rule, subject }: { rule: string; subject: string }): string {
  const { title } = wordsOf(rule);
  return subject === '' ? title : `${title}: ${subject}`;
}

export function alertHref(id: string): string {
  return `/alerts?${new URLSearchParams({ alert: id }).toString()}`;
}
