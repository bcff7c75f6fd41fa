import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';

const read = (path: string) => readFile(`${projectRoot}/${path}`, 'utf8');

it('the model names a delivery’s transitions as the SQL that makes them does', async () => {
  const sql = await read('supabase/sql/deliver/move_delivery.sql');
  const model = await read('docs/model/delivery.pml');
  const made = new Set(
    [...sql.matchAll(/^ {4}when ((?:'\w+'(?:, )?)+) then$/gm)].flatMap(
      ([, names]) => names?.match(/\w+/g) ?? [],
    ),
  );
  const section = model.slice(
    model.indexOf('by their names in private.move_delivery()'),
    model.indexOf('The process may die'),
  );
  const modelled = [...section.matchAll(/^inline (\w+)\(\)/gm)].map(([, name]) => name);
  expect(made).toEqual(
    new Set([
      'claimed',
      'released',
      'delivered',
      'failed',
      'unknown',
      'refused',
      'postponed',
      'parked',
      'woken',
      'skipped',
      'closed',
      'erased',
      'redriven',
      'brought_forward',
      'superseded',
      'cancelled',
    ]),
  );
  expect(modelled).toEqual(['claimed', 'released', 'delivered', 'erased', 'failed']);
  expect(modelled.filter((name) => !made.has(name ?? ''))).toEqual([]);
});
