import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PATHS, printFiles } from '../../../tools/openapi/document.ts';
import { lintDocument } from '../../support/openapi/lint.ts';
import { DOCUMENT, PAGE } from '../../../tools/openapi/paths.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { OUTWARD_EVENT_TYPES } from '../../../src/contracts/constants.ts';
import { SENT } from '../../../src/contracts/openapi/sent.ts';
import { PROBLEMS } from '../../../src/contracts/problem.ts';
import { closed } from '../../support/openapi/close.ts';

const committed = readFileSync(join(projectRoot, DOCUMENT), 'utf8');

it('is, with its page, what the contracts and docs/contract.md give: npm run openapi', async () => {
  const files = await printFiles(projectRoot);
  expect(files.map(({ path }) => path)).toEqual([DOCUMENT, PAGE]);
  for (const { path, text } of files) {
    // Not as a difference of two texts: it would have thousands of lines.
    expect(text === readFileSync(join(projectRoot, path), 'utf8'), `${path} is out of date`).toBe(true);
  }
});

it('has a page whose links lead somewhere', () => {
  const page = readFileSync(join(projectRoot, PAGE), 'utf8');
  const named = (attribute: string) =>
    [...page.matchAll(new RegExp(`${attribute}="([^"]+)"`, 'g'))].map(([, value = '']) => value);
  const ids = named(' id');
  const targets = named(' href').filter((href) => href.startsWith('#'));
  expect(targets.length).toBeGreaterThan(100);
  expect(targets.filter((target) => !ids.includes(target.slice(1)))).toEqual([]);
  expect(ids.length).toBe(new Set(ids).size);
});

it('has nothing that the linter objects to', async () => {
  expect(await lintDocument(committed)).toEqual([]);
});

it('is linted: a reference to nothing is found', async () => {
  const broken = committed.replace('"#/components/schemas/Job"', '"#/components/schemas/Nothing"');
  expect(broken).not.toBe(committed);
  expect(await lintDocument(broken)).toContainEqual(expect.stringContaining('no-unresolved-refs'));
});

it('has every function', () => {
  const functions = globSync('api/**/*.ts', { cwd: projectRoot }).map(
    (file) => `/${file.replace(/\.ts$/, '')}`,
  );
  expect(Object.keys(PATHS).sort()).toEqual(functions.sort());
});

it('has every problem code: a code that no operation may answer is one that nobody needs', () => {
  const described = new Set(
    Object.values(PATHS).flatMap((methods) => Object.values(methods).flatMap(({ problems }) => problems)),
  );
  // Those that every operation may answer, and the one of methods that there are not.
  const common = ['internal_error', 'database_unavailable', 'method_not_allowed'];
  expect([...described, ...common].sort()).toEqual(Object.keys(PROBLEMS).sort());
});

it('has every type of event that is sent', () => {
  expect(Object.keys(SENT)).toEqual([
    ...OUTWARD_EVENT_TYPES,
    'polaris.ping',
    'alert.firing',
    'alert.resolved',
  ]);
});

it('is open to members in its answers; the copy that tests compare with is closed', () => {
  const open = { allOf: [{ properties: { a: { properties: { b: {} } } } }, { properties: { c: {} } }] };
  expect(closed(open)).toEqual({
    allOf: [
      { properties: { a: { properties: { b: {} }, additionalProperties: false } } },
      { properties: { c: {} } },
    ],
  });
  expect(closed({ additionalProperties: {} })).toEqual({ additionalProperties: {} });
  expect(committed).toMatch(/"Job": \{\s+"type": "object",\s+"properties"/);
  const document: unknown = JSON.parse(committed);
  expect(document).not.toHaveProperty(['components', 'schemas', 'Job', 'additionalProperties']);
});
