import type postgres from 'postgres';
import type { ReportType } from '../../src/contracts/webhooks.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { listAlerts } from '../../src/services/alerts.ts';
import { getAuditRow, getEventTimeline } from '../../src/services/audit.ts';
import type { Answer } from '../../src/services/answer.ts';
import { listAllReports, searchConsole } from '../../src/services/operator-reports.ts';
import { listNotifications } from '../../src/services/notifications.ts';
import {
  getReportsWithFailedWebhooks,
  getReportWebhookStatus,
  getWebhookAuditLog,
  getWebhookStatistics,
} from '../../src/services/polarisReportsService.ts';
import { getDeliveryCauses, getPlans } from '../../src/services/plans.ts';
import { listAllJobs, listReportJobs } from '../../src/services/report-jobs.ts';
import { getReportHistory } from '../../src/services/report-history.ts';
import { getReport, getReportResults, listReports } from '../../src/services/reports.ts';
import { getActors, getConsoleStatus } from '../../src/services/status.ts';
import { getTraces } from '../../src/services/traces.ts';
import type { SeedSize } from '../seed/large.ts';

/** Subjects of the queries: a dead letter of the seed, one of its audit rows, a word of one report, and a time in the middle. */
interface Subject {
  eventId: string;
  jobId: string;
  reportId: string;
  reportType: ReportType;
  auditId: string;
  ownerId: string;
  deadAt: string;
  halfWay: string;
  rareWord: string;
}

/** A dead letter from the middle of the seed's. */
export async function chooseSubject(sql: postgres.Sql, { deliveries, days }: SeedSize): Promise<Subject> {
  const [row] = await sql<Omit<Subject, 'rareWord'>[]>`
    select delivery.event_id as "eventId", delivery.job_id as "jobId", delivery.report_id as "reportId",
      delivery.report_type as "reportType", audit.id as "auditId", run.user_id as "ownerId",
      to_char(delivery.dead_at, 'YYYY-MM-DD"T"HH24:MI:SSOF":00"') as "deadAt",
      to_char(now() - interval '1 day' * ${days / 2}, 'YYYY-MM-DD"T"HH24:MI:SSOF":00"') as "halfWay"
    from (
      select * from public.webhook_deliveries where dead_at is not null order by id
      offset (select count(*) / 2 from public.webhook_deliveries where dead_at is not null) limit 1) delivery
    join public.webhook_audit audit on audit.event_id = delivery.event_id
    join private.job_runs run on run.job_id = delivery.job_id
    limit 1`;
  if (row === undefined) throw new Error('the seed has no dead letter');
  // The number of the last report: it begins no other one.
  return { ...row, rareWord: String(Math.floor((deliveries - 1) / 2)) };
}

/** Every query that a view of the console makes, by name, with an operator's rights. */
export function consoleViews(
  client: DatabaseClient,
  { eventId, jobId, reportId, reportType, auditId, ownerId, deadAt, halfWay, rareWord }: Subject,
): Record<string, () => Promise<Answer<unknown>>> {
  const report = { report_type: reportType, report_id: reportId };
  return {
    'statistics, hour': () => getWebhookStatistics(client, 'hour'),
    'statistics, day': () => getWebhookStatistics(client, 'day'),
    'statistics, week': () => getWebhookStatistics(client, 'week'),
    'open deliveries': () => getReportsWithFailedWebhooks(client),
    'open deliveries, scheduled': () => getReportsWithFailedWebhooks(client, { status: 'failed' }),
    'dead letters': () => getReportsWithFailedWebhooks(client, { status: 'dead' }),
    'dead letters of a type, by error': () =>
      getReportsWithFailedWebhooks(client, { status: 'dead', report_type: 'org', error: '502' }),
    'dead letters, before a time': () =>
      getReportsWithFailedWebhooks(client, { status: 'dead', before: deadAt }),
    'failed deliveries by cause': () => getDeliveryCauses(client),
    'deliveries of a cause': () => getReportsWithFailedWebhooks(client, { cause: 'answered 502' }),
    plans: () => getPlans(client),
    'state of the system': () => getConsoleStatus(client),
    'who acted': () => getActors(client),
    'audit log, of the cron': () => getWebhookAuditLog(client, { actor: 'cron' }),
    'audit log': () => getWebhookAuditLog(client),
    'audit log, half-way back': () => getWebhookAuditLog(client, { before: halfWay }),
    'audit log, failed attempts': () => getWebhookAuditLog(client, { outcome: 'failed', direction: 'out' }),
    'audit log, unanswered': () => getWebhookAuditLog(client, { response_status: 'none' }),
    'audit log, status 401': () => getWebhookAuditLog(client, { response_status: 401, before: halfWay }),
    'audit log, an outcome that never was': () => getWebhookAuditLog(client, { outcome: 'job_mismatch' }),
    'audit log, of an event': () => getWebhookAuditLog(client, { search: eventId }),
    'audit log, of a job': () => getWebhookAuditLog(client, { search: jobId }),
    'audit log, of a report': () => getWebhookAuditLog(client, { search: reportId }),
    'audit log, of nothing known': () => getWebhookAuditLog(client, { search: 'nothing' }),
    'an audit row': () => getAuditRow(client, auditId),
    'timeline of an event': () => getEventTimeline(client, eventId),
    'all reports': () => listReports(client, { scope: 'all' }),
    'reports, of operators': () => listAllReports(client),
    'reports, missing': () => listAllReports(client, { state: 'missing' }),
    'reports, failed': () => listAllReports(client, { state: 'failed' }),
    'reports, of an owner': () => listAllReports(client, { owner: ownerId }),
    'search, beginning of a report id': () => searchConsole(client, reportId.slice(0, 8)),
    'search, beginning of a job id': () => searchConsole(client, jobId.slice(0, 11)),
    'search, beginning of an event id': () => searchConsole(client, eventId.slice(0, 11)),
    'search, a rare word and one that all have': () => searchConsole(client, `person ${rareWord}`),
    'search, a word that all reports have': () => searchConsole(client, 'organisation'),
    'search, an address': () => searchConsole(client, 'nobody@example.com'),
    'own reports': () => listReports(client),
    'all jobs': () => listReportJobs(client, { scope: 'all' }),
    'jobs, of operators': () => listAllJobs(client),
    'jobs, overdue': () => listAllJobs(client, { state: 'overdue' }),
    'jobs, failed': () => listAllJobs(client, { state: 'failed' }),
    'jobs, taken over': () => listAllJobs(client, { state: 'taken_over' }),
    'jobs, of an owner': () => listAllJobs(client, { owner: ownerId }),
    'jobs of a report': () => listReportJobs(client, { scope: 'all', report }),
    'a report': () => getReport(client, report),
    'results of a report': () => getReportResults(client, report),
    'webhook status of a report': () => getReportWebhookStatus(client, report),
    'history of a report': () => getReportHistory(client, report),
    'traces of a report': () => getTraces(client, reportId),
    alerts: () => listAlerts(client),
    'own notifications': () => listNotifications(client),
  };
}
