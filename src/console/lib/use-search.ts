import { useQueryParams } from 'raviger';
import type { z } from 'zod';

type Values = Record<string, string>;
type Change<T> = { [K in keyof T]?: string | null | undefined };

function parse(query: string): Values {
  return Object.fromEntries(new URLSearchParams(query));
}

function serialize(values: Partial<Values>): string {
  return new URLSearchParams(
    Object.entries(values).filter((entry): entry is [string, string] => Boolean(entry[1])),
  ).toString();
}

/**
 * A page's filters and selection, kept in the URL's query. Every field of the schema should `catch`: a link that was cut
 * or made by hand still opens the page. The setter changes the fields it is given (null or empty: removed) and leaves the
 * rest; `replace` keeps what is typed letter by letter out of the history.
 */
export function useSearch<T extends z.ZodObject>(
  schema: T,
): [z.output<T>, (change: Change<z.output<T>>, options?: { replace?: boolean }) => void] {
  const [values, setValues] = useQueryParams<Values>(parse, serialize);
  function change(fields: Change<z.output<T>>, { replace = false }: { replace?: boolean } = {}): void {
    // Read again: two changes in one event must not undo each other.
    const now = parse(location.search);
    const given = Object.entries(fields).map(([name, value]) => [name, value ?? ''] as const);
    setValues({ ...now, ...Object.fromEntries(given) }, { replace });
  }
  return [schema.parse(values), change];
}
