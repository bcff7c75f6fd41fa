import { navigate, Redirect } from 'raviger';
import { z } from 'zod';
import { Page } from '../../ui/page.tsx';
import { reportHref } from '../../lib/links.ts';
import { NewReportForm } from './new-report-form.tsx';
import { RecentReports } from './recent-reports.tsx';
import { useSearch } from '../../lib/use-search.ts';
import { reportType } from '../../../contracts/webhooks.ts';
import styles from './new-report.module.css';

const selection = z.object({
  report_type: reportType.optional().catch(undefined),
  report_id: z.guid().optional().catch(undefined),
});

/** One report is made; its jobs are started and watched on its page. */
export function NewReport() {
  const [{ report_type, report_id }] = useSearch(selection);
  // A report was at this address once: links to it are still about.
  if (report_type && report_id) return <Redirect to={reportHref({ report_type, report_id })} merge={false} />;
  return (
    <Page title="New report" lead="Describe the subject of the report. Start jobs on the report’s page.">
      <div className={styles['columns']}>
        <RecentReports />
        <NewReportForm onCreated={(ref, prompt) => navigate(reportHref(ref), { state: { prompt } })} />
      </div>
    </Page>
  );
}
