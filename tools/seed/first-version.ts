import type postgres from 'postgres';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';

const OWNERS = 200;
const PARAGRAPHS = 400;
/** This many paragraphs make a text of 6 KB. */
const PARAGRAPHS_OF_A_TEXT = 10;
const PARAGRAPH_BYTES = 600;

/**
 * Fills the platform's tables as its first version would have: reports of 6 KB, each with a job and an audit row. Of every 20
 * reports, 14 got their text by webhook, 3 by the fallback, and one has a text but no known job. Two have no text; one of
 * these has a result that only its job knows.
 */
export async function seedFirstVersion(sql: postgres.Sql, reports: number): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local synchronous_commit = off`;
    await transaction`set local statement_timeout = 0`;
    await addTexts(transaction, reports);
    await transaction`
      insert into auth.users (id, email)
      select ${ownerOf(transaction, transaction`n`)}, 'owner-' || n || '@example.com'
      from generate_series(0, ${OWNERS}::int - 1) n`;
    await transaction`
      insert into public.report_jobs (
        job_id, status, model, prompt, result, percent, idempotency_key, metadata, created_at, completed_at)
      select job_id, 'succeeded', 'first-model', left(text, 1500), text, 100, report_type || ':' || report_id,
        case when n % 2 = 0 then jsonb_build_object('report_type', report_type, 'report_id', report_id) else '{}' end,
        at, at + interval '40 seconds'
      from texts order by n`;
    for (const type of REPORT_TYPES) {
      await transaction`
        insert into ${transaction(`public.${type}_reports`)} (
          id, user_id, user_data, research_report, research_status, research_metadata, webhook_status, webhook_attempts,
          webhook_last_attempt, webhook_response, webhook_job_id, created_at, updated_at)
        select report_id, user_id, jsonb_build_object('organisation_name', 'Organisation ' || n), case when lot < 18 then text end,
          case when lot < 18 then 'completed' else 'running' end::public.research_status,
          case when lot < 17 then jsonb_build_object('job_id', job_id, 'processing_stage', stage) else '{}' end,
          case when lot < 14 then 'success' when lot < 17 then 'failed' else 'pending' end,
          case when lot < 14 then 1 when lot < 17 then 3 else 0 end,
          case when lot < 17 then at + interval '45 seconds' end, '{}', case when lot < 14 then job_id end,
          at, at + interval '45 seconds'
        from texts where report_type = ${type} order by n`;
    }
    await transaction`
      insert into public.webhook_audit (
        webhook_type, job_id, report_id, report_table, request_payload, response_status, response_body, created_at)
      select stage || '-report', job_id, report_id, report_type || '_reports',
        jsonb_build_object('job_id', job_id, 'report_id', report_id, 'report_type', report_type, 'research_report', text),
        case when lot < 14 then 200 else 502 end, '{}', at + interval '45 seconds'
      from texts order by n`;
  });
  await sql`vacuum analyze`;
}

/** One row per report. The report's number selects its paragraphs, so that texts differ but compress like prose. */
async function addTexts(sql: postgres.TransactionSql, reports: number): Promise<void> {
  await sql`create temporary table paragraphs (n int primary key, text text) on commit drop`;
  const paragraphs = Array.from({ length: PARAGRAPHS }, (_, n) => ({ n, text: paragraph(n) }));
  await sql`insert into paragraphs ${sql(paragraphs)}`;
  await sql`
    create temporary table texts on commit drop as
    select n, n % 20 as lot, ${ownerOf(sql, sql`n % ${OWNERS}::int`)} as user_id,
      ${uuidOf(sql, sql`'report ' || n`)} as report_id, 'first_job_' || n as job_id,
      (${sql.array([...REPORT_TYPES])}::text[])[1 + n % ${REPORT_TYPES.length}::int] as report_type,
      case when n % 3 = 0 then 'final' else 'prelim' end as stage,
      now() - interval '90 days' + interval '90 days' * n / ${reports}::int as at,
      '# Report ' || n || E'\n\n' || (
        select string_agg(text, E'\n\n')
        from generate_series(1, ${PARAGRAPHS_OF_A_TEXT}::int) place
        join paragraphs on paragraphs.n = abs(hashint4(report.n * 31 + place)::bigint) % ${PARAGRAPHS}::int) as text
    from generate_series(0, ${reports}::int - 1) report (n)`;
}

function uuidOf(sql: postgres.ISql, text: postgres.PendingQuery<postgres.Row[]>) {
  return sql`overlay(overlay(md5(${text}) placing '4' from 13) placing '8' from 17)::uuid`;
}

function ownerOf(sql: postgres.ISql, number: postgres.PendingQuery<postgres.Row[]>) {
  return uuidOf(sql, sql`'owner ' || (${number})`);
}

const WORDS =
  `the a of and to in for with on by is are was has each who what when need team people skill work learn course week
  month manager nurse crane harbour ward shift night patient report system record customer machine safety quality plan
  practice feedback training assessment interview result evidence barrier support measure improve reduce mistake delay
  handover confidence knowledge procedure equipment language shortage growth budget region site leader colleague mentor
  first second often rarely before after during without between most several few new old regular missing`.split(
    /\s+/,
  );

/** Chooses words by a linear congruential generator: the same in every run. */
function paragraph(number: number): string {
  let state = number + 1;
  const words: string[] = [];
  for (let bytes = 0; bytes < PARAGRAPH_BYTES;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const word = WORDS[Math.floor((state / 2_147_483_648) * WORDS.length)] ?? 'the';
    words.push(word);
    bytes += word.length + 1;
  }
  return `${words.join(' ')}.`;
}
