/** One fault of a source, a migration or the database, as a person reads it. */
export interface Finding {
  /** The file, by its path in the project, or the object of the database. */
  where: string;
  line?: number;
  rule: Rule;
  message: string;
}

export type Rule =
  | 'syntax'
  | 'file'
  | 'without-where'
  | 'dynamic'
  | 'search-path'
  | 'volatility'
  | 'language'
  | 'comment'
  | 'definer'
  | 'invoker'
  | 'rights'
  | 'time-limit'
  | 'row-level-security'
  | 'on-all'
  | 'default-privileges'
  | 'platform'
  | 'large-table'
  | 'why'
  | 'drift'
  | 'types'
  | 'advisors'
  | 'checksum'
  | 'calls';

export function formatFinding({ where, line, rule, message }: Finding): string {
  return `${where}${line === undefined ? '' : `:${line}`} [${rule}] ${message}`;
}
