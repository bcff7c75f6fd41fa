import { cleanup, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { ErrorBoundary } from '../../src/console/ui/error-boundary.tsx';
import { explain, isSessionLost, isTransient } from '../../src/console/lib/errors.ts';
import { PROBLEMS } from '../../src/contracts/problem.ts';
import { cpuMsOf, MOST_CPU_MS } from '../support/cpu-ms.ts';

const error = (fields: Record<string, unknown>) => Object.assign(new Error('raw reason'), fields);

it.each([
  [{ code: 'invalid_credentials' }, /wrong/],
  [{ code: 'quota_exceeded', status: 429 }, /unfinished jobs/],
  [{ code: 'final_exists', status: 409 }, /already has a final/],
  [{ code: '42501' }, /may not/],
  [{ code: '57014' }, /too long/],
  [{ code: 'unreachable' }, /cannot be reached/],
  [{ code: 'not_found' }, /does not exist/],
  [{ code: 'database_unavailable', status: 503 }, /does not answer/],
  [{ status: 500, code: 'internal_error' }, /server failed/],
  [{ status: 503, code: 'PGRST002' }, /does not answer/],
  [{ status: 429, code: 'unexpected_answer' }, /Too many requests/],
  [{ status: 429, code: 'PT429', details: null }, /Too many changes/],
  [{ status: 502, code: 'unexpected_answer' }, /server failed/],
  [{ status: 404, code: 'unexpected_answer' }, /Unexpected answer/],
  [{}, /request failed/],
])('says what happened and what to do of %o', (fields, title) => {
  const explanation = explain(error(fields));
  expect(explanation.title).toMatch(title);
  expect(explanation.advice.length).toBeGreaterThan(10);
  expect(explanation.detail).toBe('raw reason');
});

it.each([
  { message: 'TypeError: Failed to fetch', code: 'unreachable' },
  { message: 'down', details: 'TypeError: Failed to fetch\n    at eval (console.js:1:1)\n    at async x' },
  { message: 'NetworkError when attempting to fetch resource.' },
])('shows no stack trace and no words of the browser of %o', (fields) => {
  expect(explain(Object.assign(new Error(fields.message), fields)).detail).toBeUndefined();
});

it('lists each issue at its path', () => {
  const issues = [
    { path: 'prompt', message: 'too long' },
    { path: '', message: 'no object' },
  ];
  expect(explain(error({ code: 'invalid_body', status: 400, issues })).detail).toBe(
    'raw reason\nprompt: too long\nbody: no object',
  );
});

it('explains whatever is thrown', () => {
  for (const thrown of [null, undefined, 'text', 7, { message: 7 }]) {
    expect(explain(thrown).title).toBe('The request failed');
  }
});

it.each([
  [{ code: 'unauthorized' }, true],
  [{ status: 401 }, true],
  [{ code: 'PGRST301' }, true],
  [{ code: '42501' }, false],
  [{ code: '42501', status: 401 }, true],
  [{ code: '42501', status: 403 }, false],
  [{ code: 'unexpected_answer', status: 401 }, false],
  [{ status: 500 }, false],
  [{ code: 'unreachable' }, false],
])('%o is a lost session: %s', (fields, isLost) => {
  expect(isSessionLost(error(fields))).toBe(isLost);
});

it('tries again only where that may help', () => {
  expect(isTransient(error({ code: 'unreachable' }))).toBe(true);
  expect(isTransient(error({ status: 503 }))).toBe(true);
  expect(isTransient(error({ code: '57014' }))).toBe(true);
  expect(isTransient(new TypeError('Failed to fetch'))).toBe(true);
  expect(isTransient(error({ status: 404, code: 'job_not_found' }))).toBe(false);
  expect(isTransient(error({ code: '42501' }))).toBe(false);
});

it('knows no code that the endpoints do not have', () => {
  // A renamed code would fall back to the general words unnoticed.
  for (const code of ['final_exists', 'quota_exceeded', 'delivery_busy', 'delivery_failed', 'rate_limited']) {
    expect(Object.keys(PROBLEMS)).toContain(code);
  }
});

it.each([
  'Failed to fetch dynamically imported module: https://console.test/assets/charts-1.js',
  'error loading dynamically imported module: https://console.test/assets/charts-1.js',
  'Importing a module script failed.',
  'Unable to preload CSS for /assets/charts-1.css',
])('asks to reload the page, and nothing else, after %s', (message) => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const missing = new TypeError(message);
  expect(isTransient(missing)).toBe(false);
  const Part = (): never => {
    throw missing;
  };
  render(
    <ErrorBoundary>
      <Part />
    </ErrorBoundary>,
  );
  expect(screen.getByRole('alert').textContent).toMatch(/cannot be loaded.*was updated/);
  expect(screen.getAllByRole('button').map(({ textContent }) => textContent)).toEqual(['Reload the page']);
  cleanup();
  vi.restoreAllMocks();
});

it('takes no longer for a message with a long run of line breaks', async () => {
  const message = `${'\n'.repeat(100_000)}x`;
  expect(await cpuMsOf(() => expect(explain({ message }).detail).toBe(message))).toBeLessThan(MOST_CPU_MS);
});
