import type { ReportRef } from '../../contracts/console-reports.ts';

/** Where everything about a report is: its text, how it stands and why, and what can be done. */
export function reportHref({ report_type, report_id }: ReportRef): string {
  return `/report?${new URLSearchParams({ report_type, report_id }).toString()}`;
}

/** Where everything about an event is. */
export function eventHref(eventId: string): string {
  return `/audit?${new URLSearchParams({ search: eventId, event: eventId }).toString()}`;
}

/** Where a row of the log is, with everything about its event where that is known. */
export function rowHref(row: string, event: string | null): string {
  return `/audit?${new URLSearchParams(event === null ? { row } : { search: event, event, row }).toString()}`;
}

/** Where what came of a request is shown as a tree. `id`: of a report, a job, an event or a trace. */
export function traceHref(id: string): string {
  return `/trace?${new URLSearchParams({ id }).toString()}`;
}
