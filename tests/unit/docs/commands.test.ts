import { globSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '../../../tools/local/paths.ts';
import { codeIn, readText } from './page.ts';

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readText('package.json')));
const commands = new Set(Object.keys(scripts));

it.each([
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'WEBHOOK_TESTING_GUIDE.md',
  ...globSync('docs/**/*.md', { cwd: projectRoot }),
])('%s names commands that are there', (path) => {
  const named = [...readText(path).matchAll(/npm run ([a-z][a-z:0-9]*)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !commands.has(name))).toEqual([]);
});

it('docs/upgrading.md names every trigger on the tables of the platform, and no other', () => {
  const sources = [
    'reports/add_report_type',
    'reports/polaris_summaries',
    'reports/guard_accounts',
    'jobs/report_jobs',
    'observe/webhook_audit',
  ];
  const made = sources.flatMap((source) =>
    [...readText(`supabase/sql/${source}.sql`).matchAll(/create (?:or replace )?trigger (\w+)/g)].map(
      ([, name = '']) => name,
    ),
  );
  const section = readText('docs/upgrading.md')
    .split(/^## /m)
    .find((text) => text.startsWith('What our migrations change'));
  const named = (section ?? '')
    .split(/^- /m)
    .filter((item) => /\btriggers?\b/.test(item))
    .flatMap((item) => codeIn(item.slice(item.search(/\btriggers?\b/))));
  expect(named.sort()).toEqual(made.sort());
});
