import { navigate, Redirect } from 'raviger';
import type { ReactNode } from 'react';
import { z } from 'zod';
import { Page } from '../components/page.tsx';
import { reportHref } from '../components/report/links.ts';
import { NewReportForm } from '../components/report/new-report-form.tsx';
import { RecentReports } from '../components/report/recent-reports.tsx';
import { WebhookMonitor } from '../components/WebhookMonitor.tsx';
import { useSearch } from '../console/use-search.ts';
import { reportType } from '../contracts/webhooks.ts';
import styles from './ReportsDebug.module.css';

/** Reports from both sides: one that is made and watched, and all at once. Each is a view with its address. */
export function ReportsDebug({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: string;
  children: ReactNode;
}) {
  return (
    <Page title={title} lead={lead}>
      {children}
    </Page>
  );
}

export function MonitorTab() {
  return (
    <ReportsDebug title="Overview">
      <WebhookMonitor />
    </ReportsDebug>
  );
}

const selection = z.object({
  report_type: reportType.optional().catch(undefined),
  report_id: z.guid().optional().catch(undefined),
});

export function DebugTab() {
  const [{ report_type, report_id }] = useSearch(selection);
  // A report was at this address once: links to it are still about.
  if (report_type && report_id) return <Redirect to={reportHref({ report_type, report_id })} merge={false} />;
  return (
    <ReportsDebug
      title="New report"
      lead="Describe whom or what it is about; its jobs are started on its page."
    >
      <div className={styles['columns']}>
        <RecentReports />
        <NewReportForm onCreated={(ref, prompt) => navigate(reportHref(ref), { state: { prompt } })} />
      </div>
    </ReportsDebug>
  );
}
