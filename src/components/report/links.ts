import type { ReportRef } from '../../contracts/console-reports.ts';

/** Where everything about a report is: its text, how it stands and why, and what can be done. */
export function reportHref({ report_type, report_id }: ReportRef): string {
  return `/report?${new URLSearchParams({ report_type, report_id }).toString()}`;
}
