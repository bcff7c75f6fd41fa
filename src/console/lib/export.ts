import type { Answer } from '../../services/answer.ts';
import { MAX_PAGE_ROWS, type Cursor } from '../../contracts/paging.ts';
import { unwrap } from './unwrap.ts';

/** More would be a task for SQL, and would hold the browser up. */
export const MOST_EXPORTED = 10_000;

export type ListPage = (request: {
  limit: number;
  cursor: Cursor | null;
}) => Promise<Answer<{ rows: readonly object[]; next: Cursor | null }>>;

/**
 * All rows of a list as it is filtered, read page by page: at most MOST_EXPORTED of them. `isCut`: there are more.
 * `onCount` is told how many there are so far.
 */
export async function collectRows(
  list: ListPage,
  onCount: (count: number) => void,
): Promise<{ rows: object[]; isCut: boolean }> {
  const rows: object[] = [];
  let cursor: Cursor | null = null;
  do {
    const limit: number = Math.min(MAX_PAGE_ROWS, MOST_EXPORTED - rows.length);
    const page: { rows: readonly object[]; next: Cursor | null } = await unwrap(list({ limit, cursor }));
    rows.push(...page.rows);
    onCount(rows.length);
    cursor = page.next;
  } while (cursor !== null && rows.length < MOST_EXPORTED);
  return { rows, isCut: cursor !== null };
}

/** What a spreadsheet takes for a formula, which could send the sheet's contents to somebody. */
const FORMULA = /^[=+\-@\t\r]/;

/** One field of CSV. A number stays a number; a text that a spreadsheet would run begins with an apostrophe. */
export function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** An object in a row becomes columns of its own: `job` with a `state` is `job_state`. */
function columnsOf(row: object): [string, unknown][] {
  return Object.entries(row).flatMap(([name, value]: [string, unknown]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, each]) => [`${name}_${inner}`, each])
      : [[name, value]],
  );
}

/** RFC 4180: a header with the names, lines that end in CRLF. */
export function toCsv(rows: readonly object[]): string {
  const tables = rows.map(columnsOf);
  const names = [...new Set(tables.flatMap((columns) => columns.map(([name]) => name)))];
  const lines = tables.map((columns) => {
    const values = new Map(columns);
    return names.map((name) => csvField(values.get(name))).join(',');
  });
  return [names.map(csvField).join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

/** Hands a file to the browser. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // After the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
