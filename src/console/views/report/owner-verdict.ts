import type { JobSummary, ReportRecord } from '../../../contracts/console-reports.ts';
import { trimEndOf } from '../../../contracts/trim-end.ts';
import type { Stage } from '../../../contracts/webhooks.ts';
import { isUnfinished } from '../../lib/report-queries.ts';
import type { Tone } from '../../ui/verdict-box.tsx';

interface OwnerVerdict {
  tone: Tone;
  text: string;
}

const NAMES: Record<Stage, string> = { prelim: 'preliminary', final: 'final' };

/** How an owner's report stands, in an owner's words. `jobs`: newest first. */
export function verdictForOwner(
  { stage, research_report }: Pick<ReportRecord, 'stage' | 'research_report'>,
  [job]: readonly JobSummary[],
): OwnerVerdict {
  if (stage !== null && research_report === null) {
    return { tone: 'idle', text: 'The text of this report was erased.' };
  }
  const name = job?.stage == null ? 'new' : NAMES[job.stage];
  if (stage === null) {
    if (job === undefined) {
      return { tone: 'idle', text: 'Nothing has been written yet: start a job below.' };
    }
    if (isUnfinished(job)) {
      return {
        tone: 'idle',
        text: 'Your report is being written; this usually takes a few seconds to a few minutes.',
      };
    }
    if (job.status === 'failed') {
      return {
        tone: 'bad',
        text: `Your report could not be written${reasonOf(job)} You can start it again.`,
      };
    }
    if (job.status === 'cancelled') {
      return {
        tone: 'warn',
        text: 'The job was cancelled before your report was written. You can start it again.',
      };
    }
    return { tone: 'idle', text: 'Your report is written and will be here in a moment.' };
  }
  const here = `Your ${NAMES[stage]} report is here.`;
  if (job === undefined) return { tone: 'good', text: here };
  if (isUnfinished(job)) return { tone: 'idle', text: `${here} A ${name} version is being written.` };
  if (job.status === 'failed') {
    return { tone: 'warn', text: `${here} A ${name} version could not be written${reasonOf(job)}` };
  }
  return { tone: 'good', text: here };
}

function reasonOf({ error }: JobSummary): string {
  return error === null ? '.' : `: ${trimEndOf(error, '. \t\r\n')}.`;
}
