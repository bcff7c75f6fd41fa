import type { TraceSpan } from './trace.ts';

/** A step of a trace with its child steps. */
export interface TraceNode {
  span: TraceSpan;
  children: TraceNode[];
}

/** The steps of a trace as trees: a step whose parent is unknown is a root. */
export function treesOf(spans: readonly TraceSpan[]): TraceNode[] {
  const nodes = new Map(spans.map((span) => [span.id, { span, children: [] as TraceNode[] }]));
  const roots: TraceNode[] = [];
  for (const node of nodes.values()) {
    const parent = node.span.parent === null ? undefined : nodes.get(node.span.parent);
    if (parent === undefined || parent === node) roots.push(node);
    else parent.children.push(node);
  }
  return roots;
}

/** A step and its outcome, on one line. */
export function describeSpan({ kind, facts }: TraceSpan): string {
  const { error } = facts;
  const words = {
    job: ['job', facts['job_id'], facts['stage'], facts['status']],
    event: [
      'event',
      facts['event_id'],
      facts['effect'] ?? 'not applied',
      facts['channel'] && `by ${facts['channel'] === 'direct' ? 'direct update' : facts['channel']}`,
    ],
    attempt: [
      'attempt',
      facts['attempt'],
      'to',
      facts['endpoint_id'],
      facts['status'] ?? 'no answer',
      facts['outcome'],
    ],
    skipped: ['no attempt, since the circuit was open', facts['endpoint_id']],
    request: ['received by', facts['endpoint_id'], facts['status'], facts['outcome']],
  }[kind];
  const text = words.filter((word) => word !== undefined && word !== '').join(' ');
  return error === undefined ? text : `${text}: ${error}`;
}

/** Milliseconds as `340 ms`, `2.4 s` or, from two minutes on, `5 min`. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
