import { lazy, useMemo } from 'react';
import { z } from 'zod';
import { Page } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { reportType } from '../../../contracts/webhooks.ts';
import { useSession } from '../../lib/session.ts';
import { useSearch } from '../../lib/use-search.ts';

const OperatorReport = lazy(async () => ({
  default: (await import('./operator-report.tsx')).OperatorReport,
}));
const OwnerReport = lazy(async () => ({ default: (await import('./owner-report.tsx')).OwnerReport }));

const view = z.object({
  report_type: reportType.optional().catch(undefined),
  report_id: z.guid().optional().catch(undefined),
});

/** One report: for its owner the text first, for operators why it is as it is. */
export function Report() {
  const { isOperator } = useSession();
  const [{ report_type, report_id }] = useSearch(view);
  const report = useMemo(
    () => (report_type && report_id ? { report_type, report_id } : null),
    [report_type, report_id],
  );
  if (report === null) {
    return (
      <Page title="Report">
        <EmptyState title="This link names no report">Open one from the list of reports.</EmptyState>
      </Page>
    );
  }
  const View = isOperator ? OperatorReport : OwnerReport;
  return <View key={report.report_id} report={report} />;
}
