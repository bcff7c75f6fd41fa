import { labelOf } from './label-of.ts';

/** What an event or a delivery is about: `Org, final`. An event of a deleted report has no stage. */
export function subjectOf({ report_type, stage }: { report_type: string; stage: string | null }): string {
  return stage === null ? labelOf(report_type) : `${labelOf(report_type)}, ${stage}`;
}
