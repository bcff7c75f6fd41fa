import { z } from 'zod';
import { MAX_PROMPT_CHARACTERS, MAX_TOKENS, REPORT_TYPES } from './constants.ts';
import { idempotencyKey } from './jobs.ts';
import { jsonObjectText } from './json-text.ts';
import { storableText } from './text.ts';
import { reportId, reportType, stage } from './webhooks.ts';

/** Names that the platform's older clients use for some report types. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['organization', 'org'],
  ['requirements', 'requirement'],
]);

const platformReportType = z
  .string()
  .transform((name) => ALIASES.get(name) ?? name)
  .pipe(reportType)
  .meta({ enum: [...REPORT_TYPES, ...ALIASES.keys()] });

/** An optional member, for which the platform's clients send `null`. */
function absent<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/**
 * Body of `POST /api/reportJobsDb` as the server accepts it, from our clients and the platform's. Metadata stays text. The
 * output has our names of report types, and `max_tokens` within its limit.
 */
export const platformJobRequest = z.strictObject({
  prompt: storableText.min(1).max(MAX_PROMPT_CHARACTERS),
  report_type: absent(platformReportType),
  report_id: absent(reportId),
  stage: absent(stage),
  model: absent(storableText.min(1).max(200)),
  temperature: absent(z.number().min(0).max(2)),
  max_tokens: absent(
    z
      .int()
      .min(1)
      .max(1_000_000)
      .transform((tokens) => Math.min(tokens, MAX_TOKENS)),
  ),
  summary_id: absent(z.guid()),
  metadata: absent(jsonObjectText),
  generate: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
  /** Ignored: the credentials identify the caller. */
  user_id: z.unknown().optional(),
  idempotency_key: absent(idempotencyKey),
});
export type PlatformJobRequest = z.infer<typeof platformJobRequest>;

export const reportName = z.object({ report_type: platformReportType, report_id: reportId });
export type ReportName = z.infer<typeof reportName>;

/**
 * The report in a key of the form `greeting:<report id>`. Null: an ordinary idempotency key. The platform's clients send such
 * a key with every generation of the report, so it does not identify a single request.
 */
export function reportOfKey(key: string): ReportName | null {
  const [, report_type, report_id] = /^([^:]+):([^:]+)$/.exec(key) ?? [];
  const parsed = reportName.safeParse({ report_type, report_id });
  return parsed.success ? parsed.data : null;
}

const given = z.unknown().refine((value) => value !== undefined && value !== null);
const reportNameOfAnyForm = z.object({ report_type: given, report_id: given });

/** The report that a job's metadata names. With only one of the two members, it names none: that member is the caller's own. */
export function namesReport(metadata: unknown): boolean {
  return reportNameOfAnyForm.safeParse(metadata).success;
}

type ResolvedReport =
  | { outcome: 'named'; report: ReportName }
  | { outcome: 'none' }
  /** The key names another report than the body. */
  | { outcome: 'mismatch' }
  /** Only one of report type and report id is given. */
  | { outcome: 'incomplete'; missing: keyof ReportName };

/** The report of a request, from its body and its key. Each may complete the other. */
export function resolveReport(body: Partial<ReportName>, ofKey: ReportName | null): ResolvedReport {
  const { report_type = ofKey?.report_type, report_id = ofKey?.report_id } = body;
  if (ofKey !== null && (report_type !== ofKey.report_type || report_id !== ofKey.report_id)) {
    return { outcome: 'mismatch' };
  }
  if (report_type !== undefined && report_id !== undefined) {
    return { outcome: 'named', report: { report_type, report_id } };
  }
  if (report_type === undefined && report_id === undefined) return { outcome: 'none' };
  return { outcome: 'incomplete', missing: report_type === undefined ? 'report_type' : 'report_id' };
}
