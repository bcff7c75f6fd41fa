import type { TraceSpan, TracesFound } from '../../src/contracts/trace.ts';

/** Traces as trees: when each step began, counted from the first, how long it took, and what came of it. */
export function printTraces({ traces, truncated }: TracesFound): string {
  if (traces.length === 0) return 'Nothing is known by this id.';
  const lines = traces.flatMap(({ trace_id, started_at, spans }) => {
    const began = Date.parse(started_at);
    return [
      `trace ${trace_id}, ${started_at}`,
      ...rootsOf(spans).flatMap((root) => branch(spans, root, began, 1)),
      '',
    ];
  });
  if (truncated) lines.push('There are more steps than are shown.');
  return lines.join('\n').trimEnd();
}

function rootsOf(spans: readonly TraceSpan[]): TraceSpan[] {
  const ids = new Set(spans.map(({ id }) => id));
  return spans.filter(({ parent }) => parent === null || !ids.has(parent));
}

function branch(spans: readonly TraceSpan[], span: TraceSpan, began: number, depth: number): string[] {
  const start = Date.parse(span.started_at);
  const took = span.ended_at === null ? 'not over' : duration(Date.parse(span.ended_at) - start);
  const line = [
    `+${duration(start - began)}`.padStart(10),
    took.padStart(9),
    `${'  '.repeat(depth)}${describe(span)}`,
  ].join(' ');
  const children = spans.filter(({ parent, id }) => parent === span.id && id !== span.id);
  return [line, ...children.flatMap((child) => branch(spans, child, began, depth + 1))];
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

function describe({ kind, facts }: TraceSpan): string {
  const { error } = facts;
  const words = {
    job: ['job', facts['job_id'], facts['stage'], facts['status']],
    event: [
      'event',
      facts['event_id'],
      facts['effect'] ?? 'not applied',
      facts['channel'] && `by ${facts['channel']}`,
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
