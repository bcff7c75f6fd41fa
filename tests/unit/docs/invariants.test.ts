import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import { codeIn, readText } from './page.ts';

const page = readText('docs/invariants.md');
const rules = page
  .split(/^## /m)
  .slice(1)
  .map((rule) => ({ title: rule.slice(0, rule.indexOf('\n')), text: rule }));

/** The paragraph of a rule that begins with this bold word; empty if there is none. */
function paragraph(rule: string, word: string): string {
  return new RegExp(`^\\*\\*${word}\\*\\*[^]*?(?=\\n\\n)`, 'm').exec(`${rule}\n\n`)?.[0] ?? '';
}

it('has the fourteen rules in their order, each with its findings, and with tests or what is missing', () => {
  expect(rules.map(({ title }) => Number.parseInt(title, 10))).toEqual(
    Array.from({ length: 14 }, (_, index) => index + 1),
  );
  for (const { title, text } of rules) {
    expect(paragraph(text, 'Findings'), title).not.toBe('');
    expect(paragraph(text, 'Tests') + paragraph(text, 'Missing'), title).not.toBe('');
    expect(paragraph(text, 'Enforced by') + paragraph(text, 'Missing'), title).not.toBe('');
  }
});

it('names every finding of verify_reports(), and no other', () => {
  const parts = ['verify_range', 'verify_deliveries', 'verify_jobs', 'verify_rest'];
  const sql = parts.map((part) => readText(`supabase/sql/observe/${part}.sql`)).join('\n');
  const findings = new Set([...sql.matchAll(/\bselect '([^']+)'/g)].map(([, finding]) => finding));
  const named = new Set(rules.flatMap(({ text }) => codeIn(paragraph(text, 'Findings'))));
  expect(findings.size).toBeGreaterThan(10);
  expect([...named].sort()).toEqual([...findings].sort());
});

describe('the tests that it links', () => {
  const links = [...page.matchAll(/^- \[([\w-]+)\]\(\.\.\/(tests\/[^)]+)\): (.+)$/gm)];

  it('are all links to tests', () => {
    expect(links).toHaveLength([...page.matchAll(/\]\(\.\.\/tests\//g)].length);
    expect(links.length).toBeGreaterThan(50);
  });

  it.each(links.map(([, label = '', file = '', title = '']) => ({ label, file, title })))(
    '$label: $title',
    ({ label, file, title }) => {
      expect(file).toMatch(new RegExp(`/${label}\\.test\\.ts$`));
      const source = readText(file);
      const calls = ["'", '"', '`'].map((quote) => `(${quote}${title}${quote}, `);
      // A call that is too wide for one line has its title on the next.
      const found = calls.some((call) =>
        source
          .replace(/\(\n\s+/g, '(')
          .replace(/,\n\s+/g, ', ')
          .includes(call),
      );
      expect(found).toBe(true);
    },
  );
});

describe('the database objects that it names', () => {
  const migrations = globSync('supabase/migrations/*.sql', { cwd: projectRoot }).map(readText).join('\n');
  /** Names after this word, also several of them: "triggers `a` and `b`". */
  function namedAs(kind: string): string[] {
    const names = new RegExp(`\\b${kind}s?\\s+((?:\`\\w+\`(?:,\\s+|\\s+and\\s+)?)+)`, 'g');
    return [...page.matchAll(names)].flatMap(([, list = '']) => codeIn(list));
  }

  it.each(['constraint', 'trigger', 'index'])('each %s', (kind) => {
    const names = namedAs(kind);
    expect(names).not.toEqual([]);
    for (const name of names) {
      expect(migrations.search(new RegExp(`\\b${kind}( if not exists)? ${name}\\b`)), name).toBeGreaterThan(
        0,
      );
    }
  });

  it('functions and views', () => {
    const objects = [...page.matchAll(/`(?:private\.|public\.)?(\w+)\(\)`|`private\.(\w+)`/g)].map(
      ([, called, named = '']) => called ?? named,
    );
    expect(objects.length).toBeGreaterThan(20);
    for (const name of objects) {
      expect(globSync(`supabase/sql/*/${name}.sql`, { cwd: projectRoot }), name).toHaveLength(1);
    }
  });
});
