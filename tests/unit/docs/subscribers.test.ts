import { expect, it } from 'vitest';
import { PROBES } from '../../../src/contracts/endpoint-checks.ts';
import { SENDABLE } from '../../../src/server/deliver/subscribers/outbound.ts';
import { codeIn, readText, tableOf } from './page.ts';

const page = readText('docs/contract.md');
const firstColumn = (name: string) => tableOf(page, name).map(([cell = '']) => codeIn(cell)[0]);

it('has every probe of an endpoint’s check, in its order', () => {
  expect(firstColumn('probes')).toEqual([...PROBES]);
});

it('has every header that a subscriber gets', () => {
  const described = [...firstColumn('subscriber headers'), 'content-type'];
  expect(described.sort()).toEqual([...SENDABLE, 'user-agent'].sort());
});
