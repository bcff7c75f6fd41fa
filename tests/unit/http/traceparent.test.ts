import { describe, expect, it } from 'vitest';
import { newSpanId, readTraceparent, writeTraceparent } from '../../../src/server/http/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const read = (traceparent: string) => readTraceparent(new Headers({ traceparent }));

describe('traceparent', () => {
  it('is read as it is written', () => {
    const context = { traceId: TRACE, spanId: newSpanId() };
    expect(readTraceparent(new Headers(writeTraceparent(context)))).toEqual(context);
  });

  it.each([
    ['of this version', `00-${TRACE}-${SPAN}-01`],
    ['not sampled', `00-${TRACE}-${SPAN}-00`],
    ['with blanks around it', ` 00-${TRACE}-${SPAN}-01 `],
    ['of a later version', `cc-${TRACE}-${SPAN}-01`],
    ['of a later version with more members', `cc-${TRACE}-${SPAN}-01-what-comes`],
  ])('is taken: %s', (_, header) => {
    expect(read(header)).toEqual({ traceId: TRACE, spanId: SPAN });
  });

  it.each([
    ['with more members than this version has', `00-${TRACE}-${SPAN}-01-more`],
    ['of the version that is none', `ff-${TRACE}-${SPAN}-01`],
    ['with a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['with a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['several in one', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['of other words', `'; drop table x; --`],
    ['empty', ''],
  ])('is ignored: %s', (_, header) => {
    expect(read(header)).toBeNull();
  });

  it('is none without the header', () => {
    expect(readTraceparent(new Headers())).toBeNull();
  });
});
