import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

/** One way for foreign JSON to enter the database. */
export interface HostileEntry {
  name: string;
  /** Whether an endpoint reads the value first, and rejects what `scanJson()` rejects. */
  isScanned: boolean;
  /** Size of the value: the most that the entry accepts, or that the endpoint in front of it lets through. */
  bytes: number;
  /** Prepares the rows that the measured call needs; returns the call. */
  prepare: (sql: postgres.Sql, value: string) => Promise<(value: string) => Promise<string>>;
}

const BODY_BYTES = 1020 * 1024;
/** A result larger than 900 KB as JSON is stored as a failure. */
const RESULT_BYTES = 890 * 1024;
const USER_DATA_BYTES = 290 * 1024;
/** The platform's servers may store any size, and its existing rows are older than our limits. */
const LARGE_BYTES = 40 * 2 ** 20;

interface Report {
  userId: string;
  reportId: string;
}

async function addReport(sql: postgres.Sql): Promise<Report> {
  const [userId, reportId] = [randomUUID(), randomUUID()];
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  await sql`insert into public.org_reports (id, user_id, user_data) values (${reportId}, ${userId}, '{}')`;
  return { userId, reportId };
}

const outcomeOf = (rows: postgres.RowList<postgres.Row[]>): string => {
  const answer: unknown = rows[0]?.['answer'];
  return typeof answer === 'object' && answer !== null && 'outcome' in answer
    ? String(answer.outcome)
    : 'done';
};

const bodyOf = ({ reportId }: Report, member: string, value: string) =>
  `{"type":"report.prelim.completed","timestamp":"${new Date().toISOString()}","data":{"job_id":"job_${randomUUID()}","report_id":"${reportId}","report_type":"org","research_report":"# r","research_status":"completed","${member}":${value}}}`;

const apply = async (sql: postgres.Sql, id: string, body: string) =>
  outcomeOf(
    await sql`select public.apply_report_event(${id}, 'webhook', ${body}, 'prelim-report') as answer`,
  );

async function request(sql: postgres.Sql, report: Report, metadata: string | null = null) {
  const jobId = `job_${randomUUID()}`;
  const rows = await sql`
    select public.request_report_job(
      p_job_id => ${jobId}, p_caller => 'pipeline', p_prompt => 'p', p_generate => true, p_lease_seconds => 60, p_quota => 9,
      p_report_type => 'org', p_report_id => ${report.reportId}, p_stage => 'prelim', p_metadata => ${metadata}) as answer`;
  return { jobId, outcome: outcomeOf(rows) };
}

const complete = (sql: postgres.Sql, jobId: string, value: string) => sql<
  { answer: { outcome: string; delivery?: { delivery_id: number; delivery_token: number } } }[]
>`
  select public.complete_report_job(
    p_job_id => ${jobId}, p_status => 'completed', p_delivery_lease_seconds => 60, p_lease_token => 1,
    p_research_report => '# r', p_research_metadata => ${value}) as answer`;

/** Runs in one transaction with the rights of a role, as PostgREST does. */
async function asRole(
  sql: postgres.Sql,
  claims: { role: string; sub?: string },
  work: (sql: postgres.TransactionSql) => Promise<unknown>,
): Promise<string> {
  await sql.begin(async (transaction) => {
    await transaction`
      select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true), set_config('role', ${claims.role}, true)`;
    await work(transaction);
  });
  return 'done';
}

const asServer = (sql: postgres.Sql, work: (sql: postgres.TransactionSql) => Promise<unknown>) =>
  asRole(sql, { role: 'service_role' }, work);
const asOwner = (
  sql: postgres.Sql,
  { userId }: Report,
  work: (sql: postgres.TransactionSql) => Promise<unknown>,
) => asRole(sql, { role: 'authenticated', sub: userId }, work);

export const ENTRIES: readonly HostileEntry[] = [
  {
    name: 'apply_report_event, metadata',
    isScanned: true,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return (value) => apply(sql, `evt_${randomUUID()}`, bodyOf(report, 'research_metadata', value));
    },
  },
  {
    name: 'apply_report_event, final data',
    isScanned: true,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return (value) => apply(sql, `evt_${randomUUID()}`, bodyOf(report, 'final_data', value));
    },
  },
  {
    name: 'apply_report_event, the same again',
    isScanned: true,
    bytes: BODY_BYTES,
    async prepare(sql, value) {
      const id = `evt_${randomUUID()}`;
      const body = bodyOf(await addReport(sql), 'research_metadata', value);
      await apply(sql, id, body).catch(() => undefined);
      return () => apply(sql, id, body);
    },
  },
  {
    name: 'request_report_job, metadata',
    isScanned: true,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return async (value) => (await request(sql, report, value)).outcome;
    },
  },
  {
    name: 'complete_report_job, metadata',
    isScanned: true,
    bytes: RESULT_BYTES,
    async prepare(sql) {
      const { jobId } = await request(sql, await addReport(sql));
      return async (value) => outcomeOf(await complete(sql, jobId, value));
    },
  },
  {
    name: 'complete_report_job, over the limit',
    isScanned: true,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const { jobId } = await request(sql, await addReport(sql));
      return async (value) => outcomeOf(await complete(sql, jobId, value));
    },
  },
  {
    name: 'record_delivery_attempts, the direct update',
    isScanned: true,
    bytes: RESULT_BYTES,
    async prepare(sql, value) {
      const { jobId } = await request(sql, await addReport(sql));
      const [row] = await complete(sql, jobId, value).catch(() => []);
      const delivery = row?.answer.delivery;
      if (delivery === undefined) return () => Promise.resolve('nothing to record');
      return async () => {
        await sql`
          select public.record_delivery_attempts(
            ${delivery.delivery_id}, ${delivery.delivery_token}, 'failed',
            '[{"status": 422, "duration_ms": 5, "authentic": true}]')`;
        return 'done';
      };
    },
  },
  {
    name: 'an owner inserts user_data',
    isScanned: false,
    bytes: USER_DATA_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return (value) =>
        asOwner(
          sql,
          report,
          (owner) =>
            owner`insert into public.org_reports (user_id, user_data) values (${report.userId}, ${value}::text::jsonb)`,
        );
    },
  },
  {
    name: 'an owner inserts user_data, over the limit',
    isScanned: false,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return (value) =>
        asOwner(
          sql,
          report,
          (owner) =>
            owner`insert into public.org_reports (user_id, user_data) values (${report.userId}, ${value}::text::jsonb)`,
        );
    },
  },
  {
    name: 'an owner edits text and metadata',
    isScanned: false,
    bytes: RESULT_BYTES,
    async prepare(sql) {
      const report = await addReport(sql);
      return (value) =>
        asOwner(
          sql,
          report,
          (owner) => owner`
            update public.org_reports set research_report = 'mine', research_metadata = ${value}::text::jsonb
            where id = ${report.reportId}`,
        );
    },
  },
  {
    name: 'a server writes text and metadata',
    isScanned: false,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const { reportId } = await addReport(sql);
      return (value) =>
        asServer(
          sql,
          (server) => server`
            update public.org_reports set research_report = 'r', research_metadata = ${value}::text::jsonb
            where id = ${reportId}`,
        );
    },
  },
  {
    name: 'a server inserts text and metadata',
    isScanned: false,
    bytes: BODY_BYTES,
    async prepare(sql) {
      const { userId } = await addReport(sql);
      return (value) =>
        asServer(
          sql,
          (server) => server`
            insert into public.org_reports (user_id, user_data, research_report, research_metadata)
            values (${userId}, '{}', 'r', ${value}::text::jsonb)`,
        );
    },
  },
  {
    name: 'import_reports, metadata',
    isScanned: false,
    bytes: BODY_BYTES,
    async prepare(sql, value) {
      const { reportId } = await addReport(sql);
      // As the platform's first version left it: written without our triggers.
      await sql
        .begin(async (transaction) => {
          await transaction`alter table public.org_reports disable trigger user`;
          await transaction`
          update public.org_reports
          set research_report = 'r', research_status = 'completed', webhook_status = 'failed', webhook_job_id = 'job_1',
            research_metadata = ${value}::text::jsonb where id = ${reportId}`;
          await transaction`alter table public.org_reports enable trigger user`;
          await transaction`insert into private.reports_to_import (report_type, report_id) values ('org', ${reportId})`;
        })
        .catch(() => undefined);
      return async () => {
        const [row] = await sql<{ answer: { imported: number; left: number } }[]>`
          select public.import_reports(1) as answer`;
        await sql`delete from private.reports_to_import where report_type = 'org'`;
        return row?.answer.left === 0 ? 'done' : 'not imported';
      };
    },
  },
  {
    name: 'request_report_job, 40 MB of user_data',
    isScanned: false,
    bytes: LARGE_BYTES,
    async prepare(sql, value) {
      const report = await addReport(sql);
      await sql`update public.org_reports set user_data = ${value}::text::jsonb where id = ${report.reportId}`.catch(
        () => undefined,
      );
      return async () => (await request(sql, report)).outcome;
    },
  },
];
