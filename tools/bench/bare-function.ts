/** The lowest baseline: the cost of a function that does nothing. */
export function POST(): Response {
  return Response.json({ ok: true });
}
