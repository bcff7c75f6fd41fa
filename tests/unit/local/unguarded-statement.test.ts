import { expect, it } from 'vitest';
import { unguarded, unguardedIn } from '../../../tools/local/rest/unguarded-statement.ts';

const UPDATE = 'UPDATE requires a WHERE clause';
const DELETE = 'DELETE requires a WHERE clause';

it.each([
  ['update t set a = 1', UPDATE],
  ['delete from t', DELETE],
  ['delete from t using u', DELETE],
  ['with gone as (delete from t returning a) select * from gone', DELETE],
  ['with gone as (delete from t where a = 1 returning a) update u set b = 1', UPDATE],
  ["insert into t values ('where')", undefined],
  ['update t set a = 1 where true', undefined],
  ['delete from t where a in (select a from u)', undefined],
  ['delete from t where current of c', undefined],
  ['insert into t values (1) on conflict (a) do update set a = 2', undefined],
  ['merge into t using u on t.a = u.a when matched then delete', undefined],
  ['select a from t for update', undefined],
  ["v_text := 'delete from t'", undefined],
])('of %j pg-safeupdate says %j', (statement, answer) => {
  expect(unguarded(statement)).toBe(answer);
});

const plan =
  'Delete on t  (cost=0.00..35.50 rows=0 width=0)\n  ->  Seq Scan on t  (cost=0.00..35.50 rows=2550 width=6)';

it('reads the statement, whatever its lines, out of what auto_explain tells', () => {
  const notice = (statement: string) => `duration: 0.021 ms  plan:\nQuery Text: ${statement}\n${plan}`;
  expect(unguardedIn(notice('delete from t'))).toBe(DELETE);
  expect(unguardedIn(notice('delete\nfrom t\n'))).toBe(DELETE);
  expect(unguardedIn(notice('delete\nfrom t\nwhere a = 1'))).toBeUndefined();
});

it('takes no other notice for a statement', () => {
  expect(unguardedIn('delete from t')).toBeUndefined();
});
