import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url).pathname;

it('names tests that are there', () => {
  const document = readFileSync(`${root}docs/first-version-faults.md`, 'utf8');
  const named = [...document.matchAll(/`([a-z-]+)`: ([^|]+?) \|$/gm)];
  expect(named.length).toBeGreaterThan(25);
  for (const [, file = '', padded = ''] of named) {
    const title = padded.trim();
    const [path] = globSync(`tests/**/${file}.test.ts`, { cwd: root });
    expect(path, file).toBeDefined();
    const source = readFileSync(`${root}${path ?? ''}`, 'utf8');
    // Titles of table tests have a placeholder where the document has an example.
    const start = title.startsWith('invalid_json')
      ? "'invalid_json'"
      : title.replace('401 for no credentials', '401 for %s');
    expect(source.includes(start), `${file}: ${title}`).toBe(true);
  }
});
