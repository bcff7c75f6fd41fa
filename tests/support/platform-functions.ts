import { createClient } from '@supabase/supabase-js';
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Database } from '../../src/contracts/database.types.ts';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';
import type { ReportType } from '../../src/contracts/webhooks.ts';

export interface Report {
  type: ReportType;
  id: string;
}

/** A text that somebody wrote into a report, or the failure that stands in its place. */
export interface Write {
  report: Report;
  by: 'platform' | 'owner';
  /** Empty: the failure of a job. */
  text: string;
  /** What the write says itself. */
  stage: 'prelim' | 'final' | undefined;
  job: { id: string; createdAtMs: number } | undefined;
  /** Before the call and after its answer, of the one clock that the database has too. */
  fromMs: number;
  toMs: number;
}

interface Call {
  what: string;
  fromMs: number;
  toMs: number;
}

/** What the platform's functions and clients have done, and were answered. */
export interface Ledger {
  calls: Call[];
  writes: Write[];
  /** As each job was left: a client polls this. */
  jobs: Map<string, { status: string; percent: number | null; result: string | null; error: string | null }>;
  audits: { jobId: string; payload: object }[];
  /** Calls of update_webhook_status(). */
  reported: { reportId: string; atMs: number }[];
  summaries: Map<string, string>;
}

export function newLedger(): Ledger {
  return { calls: [], writes: [], jobs: new Map(), audits: [], reported: [], summaries: new Map() };
}

export const RUN_KINDS = ['webhook', 'final', 'fallback', 'failure'] as const;
type RunKind = (typeof RUN_KINDS)[number];

/** How a job says whose result it is before there is one. */
export const LINKS = ['metadata', 'key', 'none'] as const;
type Link = (typeof LINKS)[number];

export interface Run {
  report: Report;
  kind: RunKind;
  link: Link;
  summaryId: string | null;
}

/** The platform's own columns: what its functions and clients may expect in a row. */
const REPORT_COLUMNS = [
  'id',
  'summary_id',
  'user_id',
  'user_data',
  'research_report',
  'research_status',
  'research_metadata',
  'created_at',
  'updated_at',
  'webhook_status',
  'webhook_attempts',
  'webhook_last_attempt',
  'webhook_response',
  'webhook_job_id',
];
const FAILED_WEBHOOK_COLUMNS = ['job_id', 'last_attempt', 'record_id', 'table_name', 'webhook_attempts'];

interface Answer<T> {
  data: T;
  error: { message: string; code?: string } | null;
  status: number;
}

/** Of all calls there is one answer that counts: the one that the platform would have had. */
async function told<T>(
  ledger: Ledger,
  what: string,
  status: number,
  query: PromiseLike<Answer<T>>,
): Promise<{ data: NonNullable<T>; call: Call }> {
  const call = { what, fromMs: Date.now(), toMs: 0 };
  const answer = await query;
  call.toMs = Date.now();
  ledger.calls.push(call);
  expect({ what, error: answer.error, status: answer.status }).toEqual({ what, error: null, status });
  // Safe: calls that answer nothing do not use it.
  return { data: answer.data as NonNullable<T>, call };
}

function client(url: string, key: string, accessToken?: string) {
  return createClient<Database>(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(accessToken !== undefined && { global: { headers: { Authorization: `Bearer ${accessToken}` } } }),
  });
}

// Safe: the report tables are alike, so that the columns of one are those of all.
const tableOf = ({ type }: Report) => `${type}_reports` as 'org_reports';

let texts = 0;
/** No two texts are the same, so that each can be found again. */
const newText = (report: Report) => `# Text ${++texts} of ${report.type} ${report.id}`;

/**
 * The platform's job runner, webhook and fallback: each run makes their writes with the service key, one after the other,
 * and yields after each call, so that a test can let something happen between any two.
 */
export function platformFunctions(access: { url: string; secretKey: string }, ledger: Ledger) {
  const db = client(access.url, access.secretKey);

  async function updateJob(jobId: string, values: Database['public']['Tables']['report_jobs']['Update']) {
    const { data } = await told(
      ledger,
      `report_jobs update ${values.status ?? 'progress'}`,
      200,
      db.from('report_jobs').update(values).eq('job_id', jobId).select().single(),
    );
    expect(data).toMatchObject(values);
    const { status, percent, result, error } = data;
    ledger.jobs.set(jobId, { status, percent, result, error });
  }

  async function readJob(jobId: string) {
    const { data } = await told(
      ledger,
      'report_jobs select',
      200,
      db
        .from('report_jobs')
        .select('job_id, status, percent, eta_seconds, result, error')
        .eq('job_id', jobId)
        .single(),
    );
    expect(data).toMatchObject({ job_id: jobId, ...ledger.jobs.get(jobId) });
  }

  async function updateReport(
    report: Report,
    what: string,
    values: Database['public']['Tables']['org_reports']['Update'],
  ) {
    const { data, call } = await told(
      ledger,
      `${report.type}_reports update ${what}`,
      200,
      db.from(tableOf(report)).update(values).eq('id', report.id).select(),
    );
    expect(data.map(({ id }) => id)).toEqual([report.id]);
    expect(Object.keys(data[0] ?? {})).toEqual(expect.arrayContaining(REPORT_COLUMNS));
    return call;
  }

  async function updateWebhookStatus(report: Report, status: string, response: Record<string, string>) {
    const { call } = await told(
      ledger,
      `rpc update_webhook_status ${status}`,
      204,
      db.rpc('update_webhook_status', {
        table_name: `${report.type}_reports`,
        record_id: report.id,
        new_status: status,
        response_data: response,
        increment_attempts: true,
      }),
    );
    ledger.reported.push({ reportId: report.id, atMs: call.fromMs });
  }

  async function* run({ report, kind, link, summaryId }: Run): AsyncGenerator<void, void> {
    const jobId = `job_${randomUUID()}`;
    const stage = kind === 'final' ? 'final' : 'prelim';
    const { data: inserted } = await told(
      ledger,
      'report_jobs insert',
      201,
      db
        .from('report_jobs')
        .insert({
          job_id: jobId,
          user_id: null,
          summary_id: summaryId,
          status: 'queued',
          prompt: 'Write a report.',
          model: 'sonar-pro',
          temperature: 0.2,
          max_tokens: 2600,
          percent: 0,
          eta_seconds: 60,
          idempotency_key: link === 'key' ? `${report.type}:${report.id}` : null,
          metadata:
            link === 'metadata'
              ? { report_type: report.type, report_id: report.id, processing_stage: stage }
              : {},
        })
        .select()
        .single(),
    );
    expect(inserted).toMatchObject({ job_id: jobId, status: 'queued', user_id: null });
    ledger.jobs.set(jobId, { status: 'queued', percent: 0, result: null, error: null });
    const job = { id: jobId, createdAtMs: Date.parse(inserted.created_at ?? '') };
    yield;
    await updateJob(jobId, { status: 'running', percent: 5, eta_seconds: 50 });
    yield;
    await updateReport(report, 'running', { research_status: 'running' });
    yield;
    await updateJob(jobId, { status: 'running', percent: 40, eta_seconds: 20 });
    yield;
    await readJob(jobId);
    yield;
    if (summaryId !== null) {
      await told(
        ledger,
        'polaris_summaries select',
        200,
        db
          .from('polaris_summaries')
          .select('id, company_name, summary_content, prelim_report')
          .eq('id', summaryId)
          .single(),
      );
      yield;
      const prelimReport = newText(report);
      const { data } = await told(
        ledger,
        'polaris_summaries update',
        200,
        db
          .from('polaris_summaries')
          .update({ prelim_report: prelimReport })
          .eq('id', summaryId)
          .select('id, prelim_report'),
      );
      expect(data).toEqual([{ id: summaryId, prelim_report: prelimReport }]);
      ledger.summaries.set(summaryId, prelimReport);
      yield;
    }

    if (kind === 'failure') {
      const message = `No model answered job ${jobId}.`;
      await updateJob(jobId, { status: 'failed', error: message });
      yield;
      const { fromMs, toMs } = await updateReport(report, 'failed', {
        research_report: '',
        research_status: 'failed',
        research_metadata: { error: message },
        webhook_status: 'failed',
        webhook_job_id: jobId,
      });
      ledger.writes.push({ report, by: 'platform', text: '', stage, job, fromMs, toMs });
      yield;
      await readJob(jobId);
      return;
    }

    const text = newText(report);
    await updateJob(jobId, { status: 'succeeded', percent: 100, eta_seconds: 0, result: text });
    yield;
    const attempt = { webhook_attempts: 1, webhook_last_attempt: new Date().toISOString() };
    const metadata = { model: 'sonar-pro', processing_stage: stage };
    const { fromMs, toMs } =
      kind === 'fallback'
        ? await updateReport(report, 'by the fallback', {
            research_report: text,
            research_status: 'completed',
            research_metadata: { ...metadata, job_id: jobId },
            ...attempt,
            webhook_status: 'failed',
            webhook_response: { error: 'fetch failed' },
            webhook_job_id: null,
          })
        : await updateReport(report, 'by the webhook', {
            research_report: text,
            research_status: 'completed',
            research_metadata: metadata,
            ...attempt,
            webhook_status: 'success',
            webhook_response: { ok: 'true' },
            webhook_job_id: jobId,
          });
    ledger.writes.push({ report, by: 'platform', text, stage, job, fromMs, toMs });
    yield;
    const payload = { job_id: jobId, report_id: report.id };
    await told(
      ledger,
      'webhook_audit insert',
      201,
      db.from('webhook_audit').insert({
        webhook_type: `${stage}-report`,
        job_id: jobId,
        report_id: report.id,
        report_table: `${report.type}_reports`,
        request_payload: { ...payload, research_report: text },
        response_status: kind === 'fallback' ? 500 : 200,
        response_body: { success: kind !== 'fallback' },
        error_message: kind === 'fallback' ? 'fetch failed' : null,
        attempt_number: 1,
      }),
    );
    ledger.audits.push({ jobId, payload });
    yield;
    await updateWebhookStatus(report, kind === 'fallback' ? 'failed' : 'success', { job_id: jobId });
    yield;
    await readJob(jobId);
  }

  return {
    run,
    /** The retry function: what has failed, and a mark on one of them. */
    async *retry(own: readonly Report[]): AsyncGenerator<void, void> {
      const { data } = await told(
        ledger,
        'rpc get_failed_webhooks',
        200,
        db.rpc('get_failed_webhooks', { max_attempts: 50, retry_after_minutes: 0 }),
      );
      for (const row of data) expect(Object.keys(row).sort()).toEqual(FAILED_WEBHOOK_COLUMNS);
      yield;
      const report = own.find(({ id }) => data.some((row) => row.record_id === id)) ?? own[0];
      if (report === undefined) return;
      await updateWebhookStatus(report, 'retrying', {});
      yield;
      await updateReport(report, 'webhook columns', {
        webhook_status: 'retrying',
        webhook_attempts: 2,
        webhook_last_attempt: new Date().toISOString(),
      });
    },
  };
}

/** What the platform's pages do, with the token of a person who is signed in. */
export function ownerCalls(
  access: { url: string; publishableKey: string },
  owner: { id: string; accessToken: string },
  ledger: Ledger,
) {
  const db = client(access.url, access.publishableKey, owner.accessToken);
  return {
    async addReport(type: ReportType, summaryId: string | null): Promise<Report> {
      const { data } = await told(
        ledger,
        `${type}_reports insert by owner`,
        201,
        db
          .from(tableOf({ type, id: '' }))
          .insert({
            user_id: owner.id,
            summary_id: summaryId,
            user_data: { role: 'Engineer' },
            research_status: 'pending',
            research_metadata: {},
          })
          .select()
          .single(),
      );
      expect(Object.keys(data)).toEqual(expect.arrayContaining(REPORT_COLUMNS));
      expect(data).toMatchObject({ user_id: owner.id, research_report: null, research_status: 'pending' });
      return { type, id: data.id };
    },
    async addSummary(): Promise<string> {
      const { data } = await told(
        ledger,
        'polaris_summaries insert by owner',
        201,
        db
          .from('polaris_summaries')
          .insert({ user_id: owner.id, company_name: 'Polaris', summary_content: 'A summary.' })
          .select()
          .single(),
      );
      return data.id;
    },
    async editReport(report: Report): Promise<void> {
      const text = newText(report);
      const { data, call } = await told(
        ledger,
        `${report.type}_reports update by owner`,
        200,
        db
          .from(tableOf(report))
          .update({ research_report: text, research_status: 'completed' })
          .eq('id', report.id)
          .select(),
      );
      expect(data).toMatchObject([{ id: report.id, research_report: text }]);
      ledger.writes.push({
        report,
        by: 'owner',
        text,
        stage: undefined,
        job: undefined,
        fromMs: call.fromMs,
        toMs: call.toMs,
      });
    },
    /** A page's visit: reads, an edit, and a job of its own that it updates itself. */
    async *visit(reports: readonly Report[], summaryId: string): AsyncGenerator<void, void> {
      for (const type of REPORT_TYPES) {
        const { data } = await told(
          ledger,
          `${type}_reports select by owner`,
          200,
          db
            .from(tableOf({ type, id: '' }))
            .select()
            .order('created_at'),
        );
        const ids = new Set(data.map(({ id }) => id));
        for (const report of reports) if (report.type === type) expect(ids.has(report.id)).toBe(true);
        expect(data.every(({ user_id }) => user_id === owner.id)).toBe(true);
        yield;
      }
      for (const report of reports) {
        await this.editReport(report);
        yield;
      }
      const jobId = `job_${randomUUID()}`;
      const { data: inserted } = await told(
        ledger,
        'report_jobs insert by owner',
        201,
        db
          .from('report_jobs')
          .insert({ job_id: jobId, user_id: owner.id, status: 'queued' })
          .select()
          .single(),
      );
      expect(inserted).toMatchObject({ job_id: jobId, status: 'queued' });
      yield;
      const { data: updated } = await told(
        ledger,
        'report_jobs update by owner',
        200,
        db.from('report_jobs').update({ status: 'cancelled' }).eq('job_id', jobId).select().single(),
      );
      ledger.jobs.set(jobId, { status: 'cancelled', percent: updated.percent, result: null, error: null });
      yield;
      const { data: jobs } = await told(
        ledger,
        'report_jobs select by owner',
        200,
        db.from('report_jobs').select('job_id, status').eq('job_id', jobId),
      );
      expect(jobs).toEqual([{ job_id: jobId, status: 'cancelled' }]);
      yield;
      const content = `A summary, edited at ${Date.now()}.`;
      const { data: summaries } = await told(
        ledger,
        'polaris_summaries update by owner',
        200,
        db
          .from('polaris_summaries')
          .update({ summary_content: content })
          .eq('id', summaryId)
          .select('summary_content'),
      );
      expect(summaries).toEqual([{ summary_content: content }]);
    },
  };
}
