import { expect, it } from 'vitest';
import { findCircles } from '../../../tools/imports/circles.ts';
import { moduleOf } from '../../../tools/imports/modules.ts';
import { findUnusedExports } from '../../../tools/imports/unused-exports.ts';

const modules = (files: Record<string, string>) =>
  Object.entries(files).map(([path, text]) => moduleOf(path, text));

it('finds a circle through types, a re-export and an import() once', () => {
  const found = findCircles(
    modules({
      'src/c.ts': "import type { A } from './a.ts'; export type C = A;",
      'src/a.ts': "export { b } from './x/b.ts'; export type A = string;",
      'src/x/b.ts': "export const b = async () => (await import('../c.ts')).c;",
      'src/d.ts': "import './a.ts';",
    }),
  );
  expect(found).toEqual(['src/a.ts → src/x/b.ts → src/c.ts → src/a.ts']);
});

it('finds no circle where two files import the same one', () => {
  const found = findCircles(
    modules({ 'a.ts': "import './b.ts'; import './c.ts';", 'b.ts': "import './c.ts';", 'c.ts': '' }),
  );
  expect(found).toEqual([]);
});

it('names exports that nobody imports', () => {
  const found = findUnusedExports(
    modules({
      'src/a.ts':
        'export const used = 1;\nexport function unused() { return used; }\nexport interface Unused {}',
      'src/b.ts': "import { used } from './a.ts'; export { used };",
    }),
  );
  expect(found).toEqual(['src/a.ts:2 unused', 'src/a.ts:3 Unused', 'src/b.ts:1 used']);
});

it.each([
  ["import { one as other } from './a.ts';"],
  ["import * as all from './a.ts';"],
  ["import './z.ts'; export * from './a.ts';"],
  ["export { one as other } from './a.ts';"],
  ["const { one } = await import('./a.ts');"],
  ["const one = (await import('./a.ts')).one;"],
  ["void import('./a.ts').then(({ one }) => one);"],
  ["type One = import('./a.ts').one;"],
  ["load(() => import('./a.ts'));"],
])('takes as an import: %s', (text) => {
  const found = findUnusedExports(
    modules({ 'src/a.ts': 'export const one = 1;', 'src/b.ts': text, 'src/z.ts': '' }),
  );
  expect(found.filter((name) => name.startsWith('src/a.ts'))).toEqual([]);
});

it('requires no import of what the platform or Vercel finds by path', () => {
  const text = 'export const one = 1;';
  expect(findUnusedExports(modules({ 'api/a.ts': text, 'src/pages/ReportsDebug.tsx': text }))).toEqual([]);
});
