import { useMemo, useState, type ReactNode } from 'react';
import { z } from 'zod';
import { labelOf } from '../components/label-of.ts';
import { Page } from '../components/page.tsx';
import { NewReportForm } from '../components/report/new-report-form.tsx';
import { RecentReports } from '../components/report/recent-reports.tsx';
import { ReportWorkbench } from '../components/report/report-workbench.tsx';
import { ViewInTurn } from '../components/view-in-turn.tsx';
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
  const [{ report_type, report_id }, select] = useSearch(selection);
  const [prompts, setPrompts] = useState<Readonly<Record<string, string>>>({});
  const selected = useMemo(
    () => (report_type && report_id ? { report_type, report_id } : null),
    [report_type, report_id],
  );
  return (
    <ReportsDebug
      title={selected === null ? 'New report' : 'Report'}
      lead="Make a report, run its jobs, and watch its result arrive."
    >
      <div className={styles['columns']}>
        <RecentReports selected={selected} />
        <ViewInTurn
          id={selected?.report_id ?? 'new'}
          name={selected === null ? 'New report' : `${labelOf(selected.report_type)} report`}
        >
          {selected === null ? (
            <NewReportForm
              onCreated={(ref, prompt) => {
                setPrompts({ ...prompts, [ref.report_id]: prompt });
                select(ref);
              }}
            />
          ) : (
            <ReportWorkbench
              key={selected.report_id}
              report={selected}
              initialPrompt={prompts[selected.report_id]}
            />
          )}
        </ViewInTurn>
      </div>
    </ReportsDebug>
  );
}
