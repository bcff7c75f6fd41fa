import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLATFORM_TABLES } from '../../../tools/db/rooms.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { codeIn, readText } from './page.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'WEBHOOK_TESTING_GUIDE.md',
  ...globSync('docs/**/*.md', { cwd: projectRoot }),
];
const sources = new Set(
  globSync('supabase/sql/*/*.sql', { cwd: projectRoot }).map((path) => /([^/]+)\.sql$/.exec(path)?.[1]),
);
for (const table of PLATFORM_TABLES) sources.add(table.replace('public.', ''));
/** An example of `docs/sql.md`, a function of PostgreSQL, and one of the platform. */
const NOT_OURS = new Set(['claim', 'concat_ws', 'cleanup_expired_report_jobs']);

describe.each(pages)('%s', (path) => {
  const page = readText(path);

  it('names SQL objects that have a source', () => {
    const named = [
      ...page.matchAll(/\b(?:private|public)\.([a-z_]+)\b/g),
      // Functions of TypeScript have no underscore.
      ...page.matchAll(/\b([a-z]+_[a-z_]+)\(\)/g),
    ].map(([, name = '']) => name);
    expect(named.filter((name) => !sources.has(name) && !NOT_OURS.has(name))).toEqual([]);
  });

  it('names files that are there', () => {
    // Without blocks of code, whose backticks would be taken for those of names.
    const files = codeIn(page.replace(/^```[^]*?^```$/gm, '')).filter((code) =>
      /^(src|api|scripts|tools|tests|supabase|docs|examples)\/[\w/.-]*$/.test(code),
    );
    const links = [...page.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link = '']) =>
      join(path.replace(/[^/]*$/, ''), link),
    );
    expect([...files, ...links].filter((file) => !existsSync(join(projectRoot, file)))).toEqual([]);
  });
});
