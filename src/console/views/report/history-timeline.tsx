import { useState } from 'react';
import { rowHref } from '../../lib/links.ts';
import { Step } from '../../ui/timeline-step.tsx';
import timelineStyles from '../../ui/timeline.module.css';
import { JsonView } from '../../ui/json-view.tsx';
import { Panel } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/states.tsx';
import type { HistoryStep, ReportHistory } from '../../../contracts/console-report-history.ts';
import styles from './report.module.css';

/** All that happened to a report, across its jobs, events and attempts, and what comes next. */
export function HistoryTimeline({ history }: { history: ReportHistory }) {
  const { steps, truncated } = history;
  return (
    <Panel title="History">
      {steps.length === 0 && (
        <EmptyState title="Nothing yet">Steps show here once a job is requested.</EmptyState>
      )}
      {truncated && (
        <p className={timelineStyles['note']}>
          There are more steps: search the audit log for the report’s id.
        </p>
      )}
      <ol className={timelineStyles['timeline']} aria-label="Timeline">
        {steps.map((step, index) => (
          <Step
            key={index}
            step={step}
            about={aboutOf(step)}
            openRow={undefined}
            hrefOfRow={(row) => rowHref(row, step.event_id ?? null)}
          />
        ))}
      </ol>
      <Raw history={history} />
    </Panel>
  );
}

const SHORT_CHARACTERS = 12;

/** Which of the report's jobs, events and endpoints a step is of. */
function aboutOf({ endpoint_id, stage, event_id, job_id }: HistoryStep): string {
  const id = event_id ?? job_id ?? '';
  return [endpoint_id ?? stage ?? '', id.slice(0, SHORT_CHARACTERS)].filter(Boolean).join(' · ');
}

/** Laid out only once it is asked for: it is long, and read anew every few seconds. */
function Raw({ history }: { history: ReportHistory }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      className={`${styles['raw'] ?? ''} no-print`}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>As JSON</summary>
      {isOpen && <JsonView label="The report’s history, without its text" value={history} />}
    </details>
  );
}
