import postgres from 'postgres';
import { z } from 'zod';

/**
 * Reports or jobs of a slice: a few seconds at most, so that a stop loses little. With slices of some thousand, PostgreSQL looks up each
 * row by itself, and the same database took up to a third more CPU time.
 */
const SLICE = 20_000;
/** Enough for the events of a slice, which are sorted. */
const WORK_MEM = '64MB';

/** SQLSTATEs of a connection that ended, and of a statement that a person ended. */
const ENDED_BY_OTHERS = /^(08|57)/;

const finding = z.object({
  problem: z.string(),
  report_type: z.string().nullable(),
  report_id: z.string().nullable(),
  event_id: z.string().nullable(),
  job_id: z.string().nullable(),
});
export type Finding = z.infer<typeof finding>;

/** Where a slice begins: behind this id of a report type, of `jobs` or of `rest`; null: at the beginning. */
export interface Place {
  part: string;
  after: string | null;
}

interface Slice {
  findings: Finding[];
  /** Of all reports, how many were looked at: between 0 and 1. */
  done: number;
  /** Where the next slice begins; absent: this was the last. */
  next?: Place;
}

export function printPlace({ part, after }: Place): string {
  return after === null ? part : `${part}/${after}`;
}

/** @throws {Error} when it is no place of this database */
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
      `"${text}" is no place to begin from. An interrupted run prints the place to continue from, such as "${parts[0]?.name ?? ''}/5b0c0e4e-0000-4000-8000-000000000000".`,
    );
  }
  return { part, after };
}

interface Part {
  name: string;
  /** Of a report type; the other parts have none. */
  table?: string;
}

async function partsOf(sql: postgres.ISql): Promise<Part[]> {
  const types = await sql<Required<Part>[]>`
    select report_type as name, table_name as table from public.report_types order by report_type`;
  return [...types, { name: 'jobs' }, { name: 'rest' }];
}

/** A size, for tests; a signal that ends the statement that runs. */
interface SliceOptions {
  size?: number;
  signal?: AbortSignal;
}

/**
 * Looks at everything that verify_reports() looks at, slice by slice: each is a statement of its own, so that a run holds no
 * snapshot for long and can be interrupted. `sql` has one connection. It writes nothing.
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

/** What cannot be looked at is a finding too, and must not keep the rest from being looked at. */
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

/** How much of all ids comes before this one: they are random. */
function shareOfIds(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;
}
