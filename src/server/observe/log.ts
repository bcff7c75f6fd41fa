type Detail = string | number | boolean | null | undefined | Error;

/**
 * Writes one line of JSON to the function's log. The details identify what happened (request, job, event, attempt). They
 * never contain a secret, a signature or the text of a report.
 */
export type Log = (level: 'info' | 'error', message: string, details?: Record<string, unknown>) => void;

export const log: Log = (level, message, details = {}) => {
  const plain = Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  );
  const line = JSON.stringify({ level, message, ...plain });
  if (level === 'error') console.error(line);
  else console.log(line);
};

/** Name, message, code and causes; the stack only of the innermost error, where it began. */
function describe(error: Error): Record<string, Detail | Record<string, Detail>> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const { cause } = error;
  return {
    name: error.name,
    message: error.message,
    ...code,
    ...(cause instanceof Error
      ? { cause: JSON.stringify(describe(cause)) }
      : { stack: error.stack, ...(cause === undefined ? {} : { cause: JSON.stringify(cause) }) }),
  };
}
