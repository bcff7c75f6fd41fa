import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import {
  CHANNELS,
  DEAD_REASONS,
  EVENT_TYPES,
  JOB_STATUSES,
  REPORT_TYPES,
  STAGES,
} from '../../../src/contracts/constants.ts';
import { INTERNAL_ENDPOINTS } from '../../../src/contracts/endpoints.ts';
import { cellsOf, codeIn, readText, tableOf } from './page.ts';

const page = readText('docs/glossary.md');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map(cellsOf)
  .filter(([, , where = '']) => where !== 'where')
  .map(([word = '', meaning = '', where = '']) => ({ word, meaning, where }));
const firstColumn = (name: string) => tableOf(page, name).map(([cell = '']) => codeIn(cell)[0]);

it('says in one line of each word what it is, and where it stands', () => {
  expect(rows.length).toBeGreaterThan(100);
  for (const { word, meaning, where } of rows) {
    expect(meaning, word).not.toBe('');
    const [place = ''] = codeIn(where);
    expect(where, word).toBe(`\`${place}\``);
    expect(existsSync(join(projectRoot, place)), `${word}: ${place}`).toBe(true);
  }
});

it('has each word once', () => {
  // A state and the transition that leads to it may have one name.
  const marked = new Set(
    [...firstColumn('states'), ...firstColumn('transitions')].map((name) => `\`${name ?? ''}\``),
  );
  const words = rows.flatMap(({ word }) => (marked.has(word) ? [] : word.split(', ')));
  expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
});

describe('is complete:', () => {
  it('states of a delivery', () => {
    const migration = readText('supabase/migrations/20261125040000_add_deliveries.sql');
    const [, states = ''] = /delivery_status_is_known check \(status in \(([^)]+)\)/.exec(migration) ?? [];
    expect(firstColumn('states')).toEqual([...states.matchAll(/'(\w+)'/g)].map(([, state]) => state));
  });

  it('transitions of a delivery', () => {
    const sql = readText('supabase/sql/deliver/move_delivery.sql');
    const made = [...sql.matchAll(/^ {4}when ((?:'\w+'(?:, )?)+) then$/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/\w+/g)].map(([name]) => name),
    );
    expect(firstColumn('transitions')).toEqual(made);
  });

  it('rooms', () => {
    expect(firstColumn('rooms').sort()).toEqual(readdirSync(join(projectRoot, 'supabase/sql')).sort());
  });

  it.each<[string, readonly string[]]>([
    ['report type', REPORT_TYPES],
    ['stage', STAGES],
    ['event type', EVENT_TYPES],
    ['job status', JOB_STATUSES],
    ['channel', CHANNELS],
    ['dead reason', DEAD_REASONS],
    ['internal', INTERNAL_ENDPOINTS],
  ])('%s', (word, values) => {
    const meaning = rows.find((row) => row.word === word)?.meaning ?? '';
    expect(codeIn(meaning)).toEqual(expect.arrayContaining([...values]));
  });
});
