import { describe, expect, it } from 'vitest';
import { outline } from '../../../src/server/generation/outline.ts';
import { cpuMsOf, MOST_CPU_MS } from '../../support/cpu-ms.ts';

describe('the outline of a report', () => {
  it.each([
    ['## Risks', ['Risks']],
    ['##   Risks  ', ['Risks']],
    ['## Risks ##', ['Risks']],
    ['## Risks   ####  ', ['Risks']],
    ['## Uses of C#', ['Uses of C#']],
    ['## Uses of C# ##', ['Uses of C#']],
    ['## A\r\ntext\r\n## B', ['A', 'B']],
    ['##', []],
    ['## ', []],
    ['## ##', []],
    ['##Risks', []],
    ['# One\n### Three', []],
    ['```\n## In code\n```\n## After', ['After']],
  ])('of %j is %j', (markdown, headings) => {
    expect(outline(markdown)).toEqual(headings);
  });

  it('has at most 100 headings, each of at most 200 characters', () => {
    const headings = outline(`## ${'x'.repeat(300)}\n`.repeat(101));
    expect(headings).toEqual(Array.from({ length: 100 }, () => `${'x'.repeat(200)}…`));
  });

  it.each([
    ['blanks inside of a heading', `## a${' '.repeat(900_000)}b`],
    ['marks inside of a heading', `## a ${'#'.repeat(900_000)}b`],
    ['marks and blanks in turn', `## a${' #'.repeat(450_000)}b`],
    ['short headings', '## a\n'.repeat(180_000)],
    ['empty lines', '\n'.repeat(900_000)],
  ])('costs little for 900 KB of %s', async (_title, markdown) => {
    expect(await cpuMsOf(() => outline(markdown))).toBeLessThan(MOST_CPU_MS);
  });
});
