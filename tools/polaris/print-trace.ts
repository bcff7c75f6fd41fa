import { describeSpan, formatSpan, treesOf, type TraceNode } from '../../src/contracts/trace-tree.ts';
import type { TracesFound } from '../../src/contracts/trace.ts';

/** Prints traces as trees. Each step has its start relative to the first one, its duration and its outcome. */
export function printTraces({ traces, truncated }: TracesFound): string[] {
  if (traces.length === 0) return ['Nothing has this id.'];
  const lines = traces.flatMap(({ trace_id, started_at, spans }, index) => {
    const began = Date.parse(started_at);
    return [
      ...(index === 0 ? [] : ['']),
      `trace ${trace_id}, ${started_at}`,
      ...treesOf(spans).flatMap((root) => branch(root, began, 1)),
    ];
  });
  return truncated ? [...lines, '', 'More steps exist than are shown.'] : lines;
}

function branch({ span, children }: TraceNode, began: number, depth: number): string[] {
  const start = Date.parse(span.started_at);
  const took = span.ended_at === null ? 'not over' : formatSpan(Date.parse(span.ended_at) - start);
  const line = [
    `+${formatSpan(start - began)}`.padStart(10),
    took.padStart(9),
    `${'  '.repeat(depth)}${describeSpan(span)}`,
  ].join(' ');
  return [line, ...children.flatMap((child) => branch(child, began, depth + 1))];
}
