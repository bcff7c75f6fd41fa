import { describe, expect, it } from 'vitest';
import { collectRows, csvField, MOST_EXPORTED, toCsv, type ListPage } from '../../src/console/lib/export.ts';
import { eventMarkdown } from '../../src/console/views/audit/event-markdown.ts';
import { pinnedAddress } from '../../src/console/lib/time-range.ts';

describe('an export', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('of the text %j runs in no spreadsheet', (text) => {
    expect(csvField(text).replace(/^"/, '')).toMatch(/^'/);
  });

  it.each([
    [-5, '-5'],
    [null, ''],
    [true, 'true'],
    ['plain', 'plain'],
    ['a "quoted", b', '"a ""quoted"", b"'],
    ['two\nlines', '"two\nlines"'],
    [' kept ', '" kept "'],
    [{ a: '=1' }, '"{""a"":""=1""}"'],
  ])('writes %j as %j', (value, field) => {
    expect(csvField(value)).toBe(field);
  });

  it('has a header, and a line for each row that ends in CRLF', () => {
    expect(
      toCsv([
        { a: 1, b: 'x' },
        { b: null, c: '=y' },
      ]),
    ).toBe("a,b,c\r\n1,x,\r\n,,'=y\r\n");
  });

  it('makes columns of what an object in a row holds', () => {
    expect(
      toCsv([
        { id: 1, job: { state: 'failed', error: '=1' }, tags: ['x'] },
        { id: 2, job: null, tags: [] },
      ]),
    ).toBe(`id,job_state,job_error,tags,job\r\n1,failed,'=1,"[""x""]",\r\n2,,,[],\r\n`);
  });

  /** A list of so many rows. */
  const listOf =
    (total: number): ListPage =>
    ({ limit, cursor }) => {
      const from = Number(cursor?.id ?? 0);
      const rows = Array.from({ length: Math.min(limit, total - from) }, (_, index) => ({ n: from + index }));
      const next = from + rows.length;
      return Promise.resolve({
        data: { rows, next: next < total ? { at: '2026-01-01T00:00:00Z', id: String(next) } : null },
        error: null,
      });
    };

  it.each([
    [0, false],
    [201, false],
    [MOST_EXPORTED, false],
    [MOST_EXPORTED + 1, true],
  ])('of %i rows is cut: %s', async (total, isCut) => {
    const counts: number[] = [];
    const exported = await collectRows(listOf(total), (count) => counts.push(count));
    expect(exported.isCut).toBe(isCut);
    expect(exported.rows).toHaveLength(Math.min(total, MOST_EXPORTED));
    expect(new Set(exported.rows.map((row) => JSON.stringify(row))).size).toBe(exported.rows.length);
    expect(counts.at(-1)).toBe(exported.rows.length);
  });

  it('fails whole where a page cannot be read', async () => {
    const list: ListPage = () => Promise.resolve({ data: null, error: { code: '57014', message: 'slow' } });
    await expect(collectRows(list, () => undefined)).rejects.toMatchObject({ code: '57014' });
  });
});

describe('a link that is handed on', () => {
  const now = Date.parse('2026-11-25T12:00:00Z');
  it('keeps the hour that was shared, not the last hour at the time of opening', () => {
    expect(pinnedAddress('https://a.example/audit?outcome=failed&since=hour', now)).toBe(
      'https://a.example/audit?outcome=failed&since=between&after=2026-11-25T11%3A00%3A00.000Z&before=2026-11-25T12%3A00%3A00.000Z',
    );
  });
  it.each([
    'https://a.example/audit',
    'https://a.example/audit?since=between&after=x',
    'https://a.example/?since=odd',
  ])('stays as it is: %s', (address) => {
    expect(pinnedAddress(address, now)).toBe(address);
  });
});

it('copies an event with its timeline as Markdown, where texts of others stay text', () => {
  const at = '2026-11-25T12:00:00+00:00';
  const audited = { at, audit_id: 'a', outcome: 'failed', response_status: 502, duration_ms: 20 };
  const text = eventMarkdown(
    'evt_1',
    {
      event: null,
      job: null,
      delivery: null,
      truncated: false,
      steps: [
        { kind: 'redriven', at, audit_id: 'a', actor: 'x' },
        { kind: 'attempt', ...audited, error: 'answered 502 <b>\n# big*', attempt_number: 2 },
      ],
    },
    () => 'ada@example.com',
  );
  expect(text).toBe(
    [
      '## Event `evt_1`',
      '',
      'No request with this id was accepted.',
      '',
      '- 2026-11-25T12:00:00.000Z **Redriven**: by ada@example.com',
      '- 2026-11-25T12:00:00.000Z **Attempt 2: failed**: answered 502 after 20 ms; answered 502 \\<b\\> \\# big\\*',
      '',
    ].join('\n'),
  );
});
