import { cleanup, render, screen } from '@testing-library/react';
import type * as library from 'react-markdown';
import { afterEach, expect, it, vi } from 'vitest';
import { isCostly } from '../../src/console/ui/markdown-cost.ts';
import { Markdown } from '../../src/console/ui/markdown.tsx';
import { RenderedMarkdown } from '../../src/console/ui/rendered-markdown.tsx';
import { cpuMsOf, MOST_CPU_MS } from '../support/cpu-ms.ts';

// No known text makes the renderer fail after it has begun, so the library is made to fail.
vi.mock('react-markdown', async (importOriginal) => {
  const { default: ReactMarkdown } = await importOriginal<typeof library>();
  return {
    default: (options: library.Options) => {
      if (options.children?.startsWith('the library gives up')) throw new RangeError('too deep');
      return <ReactMarkdown {...options} />;
    },
  };
});

afterEach(cleanup);

function html(text: string): HTMLElement {
  return render(<RenderedMarkdown text={text} />).container;
}

it('lays out headings below those of the page, lists and tables', () => {
  const page = html('# One\n\n## Two\n\n- a\n- b\n\n| x | y |\n| - | - |\n| 1 | 2 |');
  expect(page.querySelector('h1, h2')).toBeNull();
  expect(page.querySelector('h3')?.textContent).toBe('One');
  expect(page.querySelector('h4')?.textContent).toBe('Two');
  expect(page.querySelectorAll('li')).toHaveLength(2);
  expect(page.querySelectorAll('td')).toHaveLength(2);
});

it.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<iframe src="https://example.com"></iframe>',
  '<style>body{display:none}</style>',
  'text <svg onload=alert(1)> text',
])('shows %s as text', (source) => {
  const page = html(source);
  expect(page.querySelector('script, img, iframe, style, svg')).toBeNull();
  expect(page.textContent).toContain(source);
});

it.each(['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x'])(
  'makes no link to %s',
  (address) => {
    const page = html(`[press](<${address}>)`);
    expect(page.querySelector('a')).toBeNull();
    expect(page.textContent).toBe('press');
  },
);

it('opens links without giving them the page', () => {
  const link = html('[go](https://example.com)').querySelector('a');
  expect(link?.getAttribute('href')).toBe('https://example.com');
  expect(link?.rel.split(' ')).toEqual(expect.arrayContaining(['noopener', 'noreferrer']));
});

it('leads to footnotes and back without leaving the page, each text to its own', () => {
  const text = 'One[^a] and again[^a], two[^b].\n\n[^a]: First.\n[^b]: Second.';
  const { container } = render(
    <>
      <RenderedMarkdown text={text} />
      <RenderedMarkdown text={text} />
    </>,
  );
  const links = [...container.querySelectorAll('a')];
  expect(links.map((link) => link.getAttribute('aria-label') ?? link.textContent).slice(0, 6)).toEqual([
    'Footnote 1',
    'Footnote 1',
    'Footnote 2',
    'Back to reference 1',
    'Back to reference 1-2',
    'Back to reference 2',
  ]);
  for (const link of links) {
    expect(link.target).toBe('');
    const led = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const [here, there] = [link, led].map((element) => element?.closest('[dir]'));
    expect(there).toBeInstanceOf(HTMLElement);
    expect(there).toBe(here);
  }
  const ids = [...container.querySelectorAll('[id]')].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

it('makes no link to a place in the page that is not there', () => {
  const page = html('[the summary](#summary)');
  expect(page.querySelector('a')).toBeNull();
  expect(page.textContent).toBe('the summary');
});

it('names the boxes of tasks', () => {
  html('- [x] done\n- [ ] to do');
  const boxes = screen.getAllByRole<HTMLInputElement>('checkbox', { name: 'Task' });
  expect(boxes.map(({ checked, disabled }) => [checked, disabled])).toEqual([
    [true, true],
    [false, true],
  ]);
});

it('loads no picture: it links to it', () => {
  const page = html('![a chart](https://example.com/x.png)');
  expect(page.querySelector('img')).toBeNull();
  expect(page.querySelector('a')?.textContent).toBe('Image: a chart');
});

it('shows what is too long to lay out as it is', () => {
  const page = html(`# ${'x'.repeat(200_001)}`);
  expect(page.querySelector('h3')).toBeNull();
  expect(page.querySelector('pre')?.textContent).toMatch(/^# x/);
});

const SECTION = `## A section

A paragraph with **strong words**, *others*, \`code\` and [a link](https://example.com), of ${'some '.repeat(40)} words.

> - a quoted item
>   1. with one in it

${'- **An item**: what it says, with _a stress_\n'.repeat(12)}
| What | Who | When |
| ---- | :-: | ---: |
${'| **this** | they | soon |\n'.repeat(25)}
\`\`\`json
${'{ "snake_case": ["a", "b"], "nested": { "more": [1, 2] } }\n'.repeat(20)}
\`\`\`
`;

it('lays out a long report', () => {
  const page = html(SECTION.repeat(40));
  expect(page.querySelectorAll('h4')).toHaveLength(40);
  expect(page.querySelectorAll('tr')).toHaveLength(40 * 26);
});

const times = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join('');

it.each([
  [
    'numbered references',
    times(
      220,
      (n) =>
        `${n + 1}. [*A title* of **${n}**](https://example.com/a_b_c), [kept](https://example.org/${n}_x)\n`,
    ),
  ],
  [
    'a table with marks in its cells',
    `| a | b | c |\n|---|---|---|\n${times(140, (n) => `| **[x_${n}](https://example.com/_${n})** | \`a_b\` | *c*<br>[d](e) |\n`)}`,
  ],
  ['data in a fence', `\`\`\`csv\n${times(420, (n) => `first_name_${n},last_name,[x],<y>,a*b_c\n`)}\`\`\`\n`],
  ['a loose list', times(900, (n) => `- point ${n}\n\n`)],
])('lays out %s', (_name, text) => {
  const page = html(text);
  expect(page.textContent).not.toContain('too complex to format');
  expect(page.querySelector('ol, ul, table, pre code')).not.toBeNull();
});

it.each([
  ['lists in one another, in one line', `${'- '.repeat(5000)}x`],
  ['numbered lists in one another', `${'1. '.repeat(2000)}x`],
  ['quotes in one another', '>'.repeat(20_000)],
  ['quotes and lists in one another', `${'> - '.repeat(1000)}x`],
  [
    'lists in one another, line by line',
    Array.from({ length: 400 }, (_, depth) => `${'  '.repeat(depth)}- a\n`).join(''),
  ],
  ['one long run of stars', `${'*'.repeat(20_000)}a${'*'.repeat(20_000)}`],
  ['stresses that nothing opens', 'a_ '.repeat(50_000)],
  ['stresses that do not fit', '*a_ '.repeat(50_000)],
  ['struck words in one another', `${'~~a '.repeat(10_000)}${'a~~ '.repeat(10_000)}`],
  ['pictures in one another', `${'!['.repeat(10_000)}a${'](b)'.repeat(10_000)}`],
  ['links that nothing closes', '[a](<b'.repeat(30_000)],
  ['comments that nothing closes', `</${'<!--'.repeat(40_000)}`],
  ['a table with many columns', `|${'a|'.repeat(3000)}\n|${'-|'.repeat(3000)}\n`],
  ['a table of many empty cells', `|${'a|'.repeat(150)}\n|${'-|'.repeat(150)}\n${'|a\n'.repeat(9000)}`],
  ['many underlined headings', 'a\n-\n'.repeat(40_000)],
  ['many quotes', '> a\n\nb\n'.repeat(20_000)],
  ['many footnotes', '[^a]: b\n\nc\n'.repeat(15_000)],
  ['stresses in a list that goes on in its first item', `1. a\n${'2) *a_ **b\n'.repeat(15_000)}`],
  ['stresses under what only seems a table', `a\\|b\n-|-\n${'*a_ **b\n'.repeat(15_000)}`],
  ['stresses under a table head of another width', `|a|b\n-|-|-\n${'*a_ **b\n'.repeat(15_000)}`],
  ['stresses after a fence in a comment', `<!--\n\`\`\`\n-->\n\n${'*a_ **b\n'.repeat(15_000)}`],
  ['a fence that is none', `\`\`\`a\`\n${'*a_ **b\n'.repeat(15_000)}`],
  ['deep lists, again and again', `${'- '.repeat(29)}a\n`.repeat(1500)],
  ['footnotes in a list', '- [^a]: b\n'.repeat(9000)],
  ['lists of two kinds in turn', '1. a\n1) a\n'.repeat(4990)],
  ['many footnote references', 'x[^a]\n\n'.repeat(4900)],
  ['a long narrow table', `${'a|'.repeat(9)}\n${'-|'.repeat(9)}\n${`${'a|'.repeat(9)}\n`.repeat(9000)}`],
  ['references to an address in brackets', `[a]: <${'é '.repeat(40_000)}>\n\n${'[a]\n\n'.repeat(4000)}`],
  ['many references to one long address', `[a]: /${'é'.repeat(80_000)}\n\n${'[a]\n\n'.repeat(4000)}`],
])('shows %s as they are', (_name, text) => {
  const page = html(text.slice(0, 200_000));
  expect(page.querySelector('pre')?.textContent).toBe(text.slice(0, 200_000));
  expect(page.textContent).toContain('too complex to format');
});

it('shows the text as it is where laying it out fails, and keeps what is around it', async () => {
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  render(
    <>
      <p>Facts and jobs</p>
      <Markdown text="the library gives up on this" />
    </>,
  );
  await screen.findByText(/could not be formatted/);
  expect(screen.getByText('the library gives up on this')).toBeDefined();
  expect(screen.getByText('Facts and jobs')).toBeDefined();
  complained.mockRestore();
});

it('takes no longer to judge a line that is almost the second one of a table', async () => {
  const text = `-${' '.repeat(150_000)}x`;
  expect(await cpuMsOf(() => expect(isCostly(text)).toBe(false))).toBeLessThan(MOST_CPU_MS);
});
