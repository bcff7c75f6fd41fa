/** Where everything about an event is. */
export function eventHref(eventId: string): string {
  return `/audit?${new URLSearchParams({ search: eventId, event: eventId }).toString()}`;
}

/** Where a row of the log is, with everything about its event where that is known. */
export function rowHref(row: string, event: string | null): string {
  return `/audit?${new URLSearchParams(event === null ? { row } : { search: event, event, row }).toString()}`;
}

/** Where what came of a request is shown as a tree. `id`: of a report, a job, an event or a trace. */
export function traceHref(id: string): string {
  return `/trace?${new URLSearchParams({ id }).toString()}`;
}

/** The present view with other members of the query: what is null is left out. */
export function hrefWith(query: URLSearchParams, change: Record<string, string | null>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(change)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return `/audit?${next.toString()}`;
}
