import { idempotencyKey } from '../../contracts/jobs.ts';
import type { JsonText } from '../../contracts/json-text.ts';
import {
  namesReport,
  platformJobRequest,
  reportName,
  reportOfKey,
  resolveReport,
  type PlatformJobRequest,
  type ReportName,
} from '../../contracts/platform-job-request.ts';
import type { Stage } from '../../contracts/webhooks.ts';
import { problem, type Issue } from '../http/problem.ts';
import { MAX_DEPTH, parseJsonBody, validate } from '../http/read-json.ts';
import { scanJson } from '../http/scan-json.ts';

type Asked = Pick<
  PlatformJobRequest,
  | 'prompt'
  | 'model'
  | 'temperature'
  | 'max_tokens'
  | 'summary_id'
  | 'metadata'
  | 'generate'
  | 'idempotency_key'
>;

/** A job request in normal form. */
interface JobOrder extends Asked {
  /** Null: a job without a report. */
  report: (ReportName & { stage: Stage }) | null;
  /**
   * Whether the key named the report: then an unfinished job of this caller for that report is returned, and no other one
   * begins.
   */
  isOncePerReport: boolean;
}

type ReadJobRequest = { ok: true; value: JobOrder } | { ok: false; answer: Response };

/** Reads the request of `POST /api/reportJobsDb`, or returns its refusal. */
export async function readJobRequest(request: Request): Promise<ReadJobRequest> {
  const header = idempotencyKey.nullable().safeParse(request.headers.get('idempotency-key'));
  if (!header.success) return { ok: false, answer: problem('invalid_idempotency_key') };
  const body = await parseJsonBody(request, platformJobRequest);
  if (!body.ok) return body;
  const { report_type, report_id, stage, ...asked } = body.value;
  if (header.data !== null && asked.idempotency_key !== undefined && asked.idempotency_key !== header.data) {
    return refuse({ path: 'idempotency_key', message: 'differs from the header Idempotency-Key' });
  }
  const key = header.data ?? asked.idempotency_key;
  const ofKey = key === undefined ? null : reportOfKey(key);

  let said: Partial<ReportName> = { ...(report_type && { report_type }), ...(report_id && { report_id }) };
  if (report_type === undefined && report_id === undefined && asked.metadata !== undefined) {
    const named = reportOfMetadata(asked.metadata);
    if (!named.ok) return refuse(...named.issues);
    said = named.value;
  }
  const resolved = resolveReport(said, ofKey);
  switch (resolved.outcome) {
    case 'mismatch':
      return { ok: false, answer: problem('report_mismatch') };
    case 'incomplete':
      return refuse({
        path: resolved.missing,
        message: 'is missing: give both report_type and report_id, or neither',
      });
    case 'none':
      if (stage !== undefined)
        return refuse({ path: 'stage', message: 'only a job for a report has a stage' });
      return { ok: true, value: { ...asked, idempotency_key: key, report: null, isOncePerReport: false } };
    case 'named': {
      const report = { ...resolved.report, stage: stage ?? 'prelim' };
      const isOncePerReport = ofKey !== null;
      const idempotency_key = isOncePerReport ? undefined : key;
      return { ok: true, value: { ...asked, idempotency_key, report, isOncePerReport } };
    }
  }
}

function refuse(...issues: Issue[]): { ok: false; answer: Response } {
  return { ok: false, answer: problem('invalid_body', { issues }) };
}

type Named = { ok: true; value: Partial<ReportName> } | { ok: false; issues: Issue[] };

/** The report in the metadata. Faults have their path in the body. */
function reportOfMetadata({ text }: JsonText): Named {
  const scanned = scanJson(text, { maxDepth: MAX_DEPTH, open: [] });
  // Always true: the metadata was scanned with the body.
  if (!scanned.ok || !namesReport(scanned.value)) return { ok: true, value: {} };
  const named = validate(reportName, scanned.value);
  if (named.ok) return named;
  return {
    ok: false,
    issues: named.issues.map(({ path, message }) => ({ path: `metadata.${path}`, message })),
  };
}
