import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { reportResultsQuery } from '../../console/report-queries.ts';
import { useSession } from '../../console/session.ts';
import type { ReportRecord, ReportRef, ReportResult } from '../../contracts/console-reports.ts';
import { Choice } from '../choice.tsx';
import { labelOf } from '../label-of.ts';
import { Markdown } from '../markdown.tsx';
import { Panel } from '../page.tsx';
import { RelativeTime } from '../relative-time.tsx';
import { EmptyState, ErrorState } from '../states.tsx';
import styles from './report.module.css';

const VIEWS = [
  { value: 'report', label: 'Report' },
  { value: 'compare', label: 'Prelim and final' },
] as const;
type View = (typeof VIEWS)[number]['value'];

/** The report's content, or the newest result of each stage side by side. */
export function Results({
  report,
  record,
  version,
}: {
  report: ReportRef;
  record: ReportRecord;
  version: string;
}) {
  const [view, setView] = useState<View>('report');
  return (
    <Panel
      title="Result"
      actions={<Choice legend="Show" isLegendHidden value={view} options={VIEWS} onChange={setView} />}
    >
      {view === 'compare' && <Comparison report={report} version={version} />}
      {view === 'report' && record.research_report !== null && <Markdown text={record.research_report} />}
      {view === 'report' && record.research_report === null && (
        <EmptyState title="No result yet">
          Start a job: its result shows here as soon as it is stored.
        </EmptyState>
      )}
    </Panel>
  );
}

function Comparison({ report, version }: { report: ReportRef; version: string }) {
  const { supabase } = useSession();
  const results = useQuery(reportResultsQuery(supabase, report, version));
  if (results.isError) return <ErrorState error={results.error} onRetry={() => void results.refetch()} />;
  const of = (stage: ReportResult['stage']) => results.data?.find((result) => result.stage === stage);
  return (
    <div className={styles['comparison']} aria-busy={results.isPending}>
      <Side stage="prelim" result={of('prelim')} />
      <Side stage="final" result={of('final')} />
    </div>
  );
}

function Side({ stage, result }: { stage: ReportResult['stage']; result: ReportResult | undefined }) {
  return (
    <section aria-label={labelOf(stage)} className={styles['side']}>
      <p className={styles['sideHead']}>
        <strong>{labelOf(stage)}</strong>
        {result !== undefined && (
          <span className="muted">
            {' '}
            requested <RelativeTime value={result.requested_at} />
          </span>
        )}
      </p>
      {result === undefined && <EmptyState title={`No ${stage} result`} />}
      {result !== undefined && result.research_report === null && (
        <EmptyState title="Its text was removed">It lost to a newer one, and its time was over.</EmptyState>
      )}
      {result?.research_report != null && <Markdown text={result.research_report} />}
    </section>
  );
}
