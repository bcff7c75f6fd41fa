import { Link } from 'raviger';
import type { ReactNode } from 'react';
import { eventHref, rowHref, reportHref } from '../../lib/links.ts';
import { ExactTime } from '../../ui/exact-time.tsx';
import { reportRef } from '../../../contracts/console-reports.ts';
import { describeSpan, formatSpan, treesOf, type TraceNode } from '../../../contracts/trace-tree.ts';
import type { TraceSpan, TracesFound } from '../../../contracts/trace.ts';
import styles from './trace.module.css';

type Trace = TracesFound['traces'][number];

/** Each step with when it began, counted from the first, how long it took, and what came of it. */
export function TraceTree({ trace }: { trace: Trace }) {
  const began = Date.parse(trace.started_at);
  const ends = trace.spans.map(({ started_at, ended_at }) => Date.parse(ended_at ?? started_at));
  const lengthMs = Math.max(1, ...ends.map((end) => end - began));
  return (
    <>
      <p className={styles['when']}>
        <ExactTime value={trace.started_at} />, {formatSpan(lengthMs)} in all
      </p>
      <ul className={styles['tree']} aria-label="Steps">
        {treesOf(trace.spans).map((node) => (
          <Branch key={node.span.id} node={node} began={began} lengthMs={lengthMs} />
        ))}
      </ul>
    </>
  );
}

function Branch({ node, began, lengthMs }: { node: TraceNode; began: number; lengthMs: number }) {
  const { span, children } = node;
  const startMs = Date.parse(span.started_at) - began;
  const tookMs = span.ended_at === null ? null : Date.parse(span.ended_at) - Date.parse(span.started_at);
  return (
    <li>
      <div className={styles['step']}>
        <span className="foreign">
          <StepLink span={span}>{describeSpan(span)}</StepLink>
        </span>
        <span className={`${styles['times'] ?? ''} numeric`}>
          +{formatSpan(startMs)}, {tookMs === null ? 'not over' : `took ${formatSpan(tookMs)}`}
        </span>
        <Bar startMs={startMs} tookMs={tookMs ?? lengthMs - startMs} lengthMs={lengthMs} />
      </div>
      {children.length > 0 && (
        <ul className={styles['tree']}>
          {children.map((child) => (
            <Branch key={child.span.id} node={child} began={began} lengthMs={lengthMs} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** A step leads to what is known of it: a job to its report, an event to its timeline, the others to their audit row. */
function StepLink({ span: { facts, kind }, children }: { span: TraceSpan; children: ReactNode }) {
  const href = hrefOf(kind, facts);
  return href === null ? children : <Link href={href}>{children}</Link>;
}

function hrefOf(kind: TraceSpan['kind'], facts: TraceSpan['facts']): string | null {
  const { audit_id, event_id, report_type, report_id } = facts;
  if (typeof audit_id === 'string') return rowHref(audit_id, null);
  if (kind === 'event' && typeof event_id === 'string') return eventHref(event_id);
  const report = reportRef.safeParse({ report_type, report_id });
  return report.success ? reportHref(report.data) : null;
}

const WIDTH = 100;
/** A step shorter than this is still seen. */
const LEAST_WIDTH = 0.6;

/** When it ran, of the whole: the numbers beside it say the same. */
function Bar({ startMs, tookMs, lengthMs }: { startMs: number; tookMs: number; lengthMs: number }) {
  const width = Math.max(LEAST_WIDTH, (tookMs / lengthMs) * WIDTH);
  const x = Math.min(WIDTH - width, (startMs / lengthMs) * WIDTH);
  return (
    <svg className={styles['line']} aria-hidden viewBox={`0 0 ${WIDTH} 4`} preserveAspectRatio="none">
      <rect className={styles['whole']} x="0" y="1.5" width={WIDTH} height="1" />
      <rect className={styles['part']} x={Math.max(0, x)} y="0" width={Math.min(width, WIDTH)} height="4" />
    </svg>
  );
}
