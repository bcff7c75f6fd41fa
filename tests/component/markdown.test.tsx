import { cleanup, render } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { RenderedMarkdown } from '../../src/components/rendered-markdown.tsx';

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
