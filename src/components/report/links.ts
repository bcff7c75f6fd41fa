import type { ReportRef } from '../../contracts/console-reports.ts';

/** Where a report is looked at and worked on. */
export function reportHref({ report_type, report_id }: ReportRef): string {
  return `/debug?${new URLSearchParams({ report_type, report_id }).toString()}`;
}
