import type { BenchResult } from './result.ts';
import { round } from './measure.ts';
import type { BenchSystem } from './system.ts';

/** Measures how many of the benchmark's events `verify_reports()` checks per second. */
export async function measureVerify({ ground: { sql } }: BenchSystem): Promise<BenchResult['verify']> {
  await sql`analyze`;
  const [row] = await sql<{ events: number }[]>`select count(*)::int as events from public.report_events`;
  const events = row?.events ?? 0;
  const started = performance.now();
  const findings = await sql<{ problem: string; report_id: string | null }[]>`
    select problem, report_id from public.verify_reports()`;
  const seconds = (performance.now() - started) / 1000;
  // Figures of a run that broke an invariant are not valid.
  if (findings.length > 0)
    throw new Error(`verify_reports() found ${findings.length}: ${JSON.stringify(findings[0])}`);
  return { events, perSecond: round(events / seconds) };
}
