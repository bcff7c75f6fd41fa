import { expect, it } from 'vitest';
import { changesBetween } from '../../../../src/server/deliver/subscribers/version-changes.ts';

it('names what was added, removed and changed, and nothing else', () => {
  const before = { type: 't', data: { a: 1, same: 'x', list: [1, 2], gone: null } };
  const after = { type: 't', data: { a: '1', same: 'x', list: [1, 3], added: {} } };
  expect(changesBetween(JSON.stringify(before), JSON.stringify(after))).toEqual([
    { path: 'data.a', before: '1', after: '"1"' },
    { path: 'data.list', before: '[1,2]', after: '[1,3]' },
    { path: 'data.gone', before: 'null', after: null },
    { path: 'data.added', before: null, after: '{}' },
  ]);
  expect(changesBetween('{"a":1}', '{ "a": 1 }')).toEqual([]);
});
