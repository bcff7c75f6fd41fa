import { describe, expect, it } from 'vitest';
import { expose, formatFor, type Metric } from '../../../src/server/observe/exposition.ts';

const counter: Metric = {
  name: 'seen',
  type: 'counter',
  help: 'Seen so far.',
  samples: [{ labels: { by: 'me' }, value: 3 }],
};

describe('the text formats', () => {
  it('name the family of a counter differently', () => {
    expect(expose([counter], 'prometheus')).toBe(
      '# HELP seen_total Seen so far.\n# TYPE seen_total counter\nseen_total{by="me"} 3\n',
    );
    expect(expose([counter], 'openmetrics')).toBe(
      '# HELP seen Seen so far.\n# TYPE seen counter\nseen_total{by="me"} 3\n# EOF\n',
    );
  });

  it.each(['prometheus', 'openmetrics'] as const)('escape what a label holds (%s)', (format) => {
    const samples = [{ labels: { role: 'a"b\\c\nd' }, value: 1 }];
    const text = expose([{ name: 'x', type: 'gauge', help: 'X.', samples }], format);
    expect(text).toContain('x{role="a\\"b\\\\c\\nd"} 1\n');
  });

  it('are chosen by the Accept header', () => {
    expect(formatFor(null)).toBe('prometheus');
    expect(formatFor('text/plain;version=0.0.4')).toBe('prometheus');
    expect(formatFor('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')).toBe('openmetrics');
  });
});
