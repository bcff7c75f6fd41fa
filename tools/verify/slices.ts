import postgres from 'postgres';
import { z } from 'zod';

/**
 * Reports or jobs per slice: a few seconds, so that an interruption loses little. With slices of a few thousand, PostgreSQL
 * looks up each row separately, which took up to a third more CPU time for the same database.
 */
const SLICE = 20_000;
/** Enough to sort the events of a slice in memory. */
const WORK_MEM = '64MB';

/** SQLSTATEs: the connection ended, or a person cancelled the statement. */
const ENDED_BY_OTHERS = /^(08|57)/;

const finding = z.object({
  problem: z.string(),
  report_type: z.string().nullable(),
  report_id: z.string().nullable(),
  event_id: z.string().nullable(),
  job_id: z.string().nullable(),
});
export type Finding = z.infer<typeof finding>;

/** The start of a slice: after this id of a report type or of `jobs`; null: the beginning. `rest` has no ids. */
export interface Place {
  part: string;
  after: string | null;
}

interface Slice {
  findings: Finding[];
  /** Share of all reports that have been checked: 0 to 1. */
  done: number;
  /** The start of the next slice; absent after the last one. */
  next?: Place;
}

export function printPlace({ part, after }: Place): string {
  return after === null ? part : `${part}/${after}`;
}

/** @throws {Error} if the text is not a place of this database */
export async function readPlace(sql: postgres.ISql, text: string): Promise<Place> {
  const parts = await partsOf(sql);
  const [part = '', after = null] = text.split('/', 2);
  const isReportType = parts.some((known) => known.name === part && known.table !== undefined);
  if (
    !parts.some(({ name }) => name === part) ||
    (after !== null &&
      (after === '' || part === 'rest' || (isReportType && !z.guid().safeParse(after).success)))
  ) {
    throw new Error(
      `"${text}" is not a place to continue from. An interrupted run prints the place to continue from, such as "${parts[0]?.name ?? ''}/5b0c0e4e-0000-4000-8000-000000000000".`,
    );
  }
  return { part, after };
}

interface Part {
  name: string;
  /** Only for report types. */
  table?: string;
}

async function partsOf(sql: postgres.ISql): Promise<Part[]> {
  const types = await sql<Required<Part>[]>`
    select report_type as name, table_name as table from public.report_types order by report_type`;
  return [...types, { name: 'jobs' }, { name: 'rest' }];
}

/** `size` is for tests; `signal` cancels the running statement. */
interface SliceOptions {
  size?: number;
  signal?: AbortSignal;
}

/**
 * Runs the checks of verify_reports() slice by slice. Each slice is one statement, so that no snapshot is held for long and a
 * run can be interrupted. Read-only. `sql` has one connection.
 */
export async function* verifySlices(
  sql: postgres.ISql,
  from?: Place,
  { size = SLICE, signal }: SliceOptions = {},
): AsyncGenerator<Slice, void> {
  await sql`select set_config('work_mem', ${WORK_MEM}, false)`;
  const counted: { part: Part; reports: number }[] = [];
  for (const part of await partsOf(sql)) {
    const [row] =
      part.table === undefined
        ? []
        : await sql`select count(*)::int as reports from public.${sql(part.table)}`;
    counted.push({ part, reports: Number(row?.['reports'] ?? 0) });
  }
  const all = Math.max(
    1,
    counted.reduce((sum, { reports }) => sum + reports, 0),
  );
  let before = 0;
  let place = from;
  for (const [index, { part, reports }] of counted.entries()) {
    if (place !== undefined && place.part !== part.name) {
      before += reports;
      continue;
    }
    const following = counted[index + 1]?.part.name;
    let after = place?.after ?? null;
    place = undefined;
    do {
      const [bound] = await sql`select private.verify_bound(${part.name}, ${after}, ${size}) as until`;
      const until = z.string().nullable().parse(bound?.['until']);
      const findings = await look(sql, part, { after, until }, signal);
      const share = until === null ? 1 : part.table === undefined ? 0 : shareOfIds(until);
      const next =
        until !== null
          ? { part: part.name, after: until }
          : following !== undefined && { part: following, after: null };
      yield { findings, done: (before + reports * share) / all, ...(next && { next }) };
      after = until;
    } while (after !== null);
    before += reports;
  }
}

/** A slice that cannot be checked is a finding too, and must not stop the others. */
async function look(
  sql: postgres.ISql,
  { name, table }: Part,
  { after, until }: { after: string | null; until: string | null },
  signal?: AbortSignal,
): Promise<Finding[]> {
  signal?.throwIfAborted();
  const query = sql`select * from private.verify_part(${name}, ${after}, ${until})`;
  const cancel = () => {
    query.cancel();
  };
  signal?.addEventListener('abort', cancel);
  try {
    return finding.array().parse([...(await query)]);
  } catch (error) {
    if (!(error instanceof postgres.PostgresError) || ENDED_BY_OTHERS.test(error.code)) throw error;
    const range = `${name}, ${after === null ? 'from the first id' : `after ${after}`} to ${until ?? 'the last id'}`;
    return [
      {
        problem: `a slice that could not be verified (${range}): ${error.code} ${error.message}`,
        report_type: table === undefined ? null : name,
        report_id: null,
        event_id: null,
        job_id: null,
      },
    ];
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** Share of all ids before this one: ids are random. */
function shareOfIds(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;
}
