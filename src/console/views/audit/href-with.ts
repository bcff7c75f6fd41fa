/** The present view with other members of the query: what is null is left out. */
export function hrefWith(query: URLSearchParams, change: Record<string, string | null>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(change)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return `/audit?${next.toString()}`;
}
