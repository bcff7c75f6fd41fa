/** The lowest floor: what a function costs that does nothing. */
export function POST(): Response {
  return Response.json({ ok: true });
}
