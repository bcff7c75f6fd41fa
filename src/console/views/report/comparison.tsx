import { useQuery } from '@tanstack/react-query';
import { useMemo, type ReactNode } from 'react';
import { plural } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Markdown } from '../../ui/markdown.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import type { ReportRef, ReportResult } from '../../../contracts/console-reports.ts';
import { reportResultsQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { compareTexts, type Block, type Piece } from './diff.ts';
import styles from './report.module.css';

type Stage = ReportResult['stage'];

function Results({
  report,
  version,
  children,
}: {
  report: ReportRef;
  version: string;
  children: (of: (stage: Stage) => ReportResult | undefined) => ReactNode;
}) {
  const { supabase } = useSession();
  const results = useQuery(reportResultsQuery(supabase, report, version));
  if (results.isError) return <ErrorState error={results.error} onRetry={() => void results.refetch()} />;
  if (results.isPending) return <LoadingState label="Loading both results" rows={6} />;
  return children((stage) => results.data.find((result) => result.stage === stage));
}

/** The newest result of each stage. */
export function SideBySide({ report, version }: { report: ReportRef; version: string }) {
  return (
    <Results report={report} version={version}>
      {(of) => (
        <div className={styles['comparison']}>
          <Side stage="prelim" result={of('prelim')} />
          <Side stage="final" result={of('final')} />
        </div>
      )}
    </Results>
  );
}

function Side({ stage, result }: { stage: Stage; result: ReportResult | undefined }) {
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
      {result?.research_report == null ? (
        <Missing stage={stage} result={result} />
      ) : (
        <Markdown text={result.research_report} />
      )}
    </section>
  );
}

function Missing({ stage, result }: { stage: Stage; result: ReportResult | undefined }) {
  if (result === undefined) return <EmptyState title={`No ${stage} result`} />;
  return (
    <EmptyState title={`The ${stage} text was removed`}>
      Superseded texts are kept for a limited time.
    </EmptyState>
  );
}

/** What the final has, and the prelim had not. */
export function Changes({ report, version }: { report: ReportRef; version: string }) {
  return (
    <Results report={report} version={version}>
      {(of) => {
        const [prelim, final] = [of('prelim'), of('final')];
        if (prelim?.research_report == null) return <Missing stage="prelim" result={prelim} />;
        if (final?.research_report == null) return <Missing stage="final" result={final} />;
        return <ChangedText before={prelim.research_report} after={final.research_report} />;
      }}
    </Results>
  );
}

export function ChangedText({ before, after }: { before: string; after: string }) {
  const blocks = useMemo(() => compareTexts(before, after), [before, after]);
  return (
    <div className={styles['changes']}>
      <p className="muted">From prelim to final: {summaryOf(blocks)}.</p>
      {blocks.map((block, index) => (
        <ChangedBlock key={index} block={block} />
      ))}
    </div>
  );
}

function summaryOf(blocks: readonly Block[]): string {
  const counts = { changed: 0, added: 0, removed: 0 };
  for (const block of blocks) {
    if (block.kind === 'changed') counts.changed += 1;
    else if (block.kind !== 'same') counts[block.kind] += block.count;
  }
  const named = (['changed', 'added', 'removed'] as const).flatMap((kind) =>
    counts[kind] === 0 ? [] : [`${plural(counts[kind], 'paragraph')} ${kind}`],
  );
  return named.length === 0 ? 'nothing changed' : named.join(', ');
}

/** So many unchanged paragraphs are shown; more are folded. */
const MOST_SAME = 2;
const LABELS = { added: 'Added', removed: 'Removed', changed: 'Changed' } as const;

function ChangedBlock({ block }: { block: Block }) {
  if (block.kind === 'same') {
    if (block.count <= MOST_SAME) return <div className={styles['same']}>{block.text}</div>;
    return (
      <details className={styles['same']}>
        <summary>{plural(block.count, 'unchanged paragraph')}</summary>
        <div>{block.text}</div>
      </details>
    );
  }
  return (
    <section className={styles['block']} data-kind={block.kind} aria-label={LABELS[block.kind]}>
      <span className={styles['blockLabel']} aria-hidden>
        {LABELS[block.kind]}
      </span>
      <div className={styles['blockText']} dir="auto">
        {block.kind === 'added' && <ins>{block.text}</ins>}
        {block.kind === 'removed' && <del>{block.text}</del>}
        {block.kind === 'changed' &&
          block.pieces.map((piece, index) => <ChangedPiece key={index} piece={piece} />)}
      </div>
    </section>
  );
}

/** Few screen readers tell of ins and del by themselves. */
function ChangedPiece({ piece: { kind, text } }: { piece: Piece }) {
  if (kind === 'same') return text;
  const Element = kind === 'added' ? 'ins' : 'del';
  return (
    <Element>
      <span className="visually-hidden">{kind}: </span>
      {text}
    </Element>
  );
}
