import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url).pathname;

it.each([
  ['docs/first-version-faults.md', 25],
  ['docs/failure-modes.md', 30],
])('%s names tests that are there', (path, least) => {
  const document = readFileSync(`${root}${path}`, 'utf8');
  const named = [...document.matchAll(/`([a-z-]+)`: ([^|]+?) \|$/gm)];
  expect(named.length).toBeGreaterThan(least);
  const rows = document
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (-|what |fault)/.test(line));
  expect(named.length).toBeGreaterThanOrEqual(rows.length);
  for (const [, file = '', padded = ''] of named) {
    const title = padded.trim();
    const [test] = globSync(`tests/**/${file}.test.ts`, { cwd: root });
    expect(test, file).toBeDefined();
    const source = readFileSync(`${root}${test ?? ''}`, 'utf8');
    // Titles of table tests have a placeholder where the document has an example.
    const start = title.startsWith('invalid_json')
      ? "'invalid_json'"
      : title.replace('401 for no credentials', '401 for %s');
    expect(source.includes(start), `${file}: ${title}`).toBe(true);
  }
});
