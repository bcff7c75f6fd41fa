import { randomBytes } from 'node:crypto';

/** The position of a request in its trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all zero. */
  traceId: string;
  /** The span id of the sender: 16 hexadecimal digits, not all zero. */
  spanId: string;
}

/**
 * Reads the header `traceparent` (W3C Trace Context, section 3.2). Null if it is missing or malformed: the request is still
 * accepted, and begins a new trace.
 */
export function readTraceparent(headers: Headers): TraceContext | null {
  const header = headers.get('traceparent')?.trim() ?? '';
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(header);
  if (match === null) return null;
  const [, version, traceId = '', spanId = '', rest] = match;
  // Later versions may append fields; this one has none.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId };
}

/** The header for a request within a trace. Always sampled, since our records keep every trace. */
export function writeTraceparent({ traceId, spanId }: TraceContext): { traceparent: string } {
  return { traceparent: `00-${traceId}-${spanId}-01` };
}

/** A new span id. */
export function newSpanId(): string {
  for (;;) {
    const id = randomBytes(8).toString('hex');
    if (!/^0+$/.test(id)) return id;
  }
}
