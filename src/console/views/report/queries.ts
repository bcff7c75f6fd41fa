import { queryOptions } from '@tanstack/react-query';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getReportHistory } from '../../../services/report-history.ts';
import { OPERATOR_KEY, refresh } from '../../operator-queries.ts';
import { unwrap } from '../../unwrap.ts';

export function reportHistoryQuery(client: DatabaseClient, report: ReportRef, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'history', report.report_type, report.report_id],
    queryFn: ({ signal }) => unwrap(getReportHistory(client, report, { signal })),
    ...refresh(isPaused),
  });
}
