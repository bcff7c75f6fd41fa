import { expect, it } from 'vitest';
import { endpointStatus } from '../../../src/contracts/console-status.ts';
import { DELIVERY_STATUSES, JOB_STATUSES, SUBSCRIBER_STATES } from '../../../src/contracts/constants.ts';
import { readText } from './page.ts';

const page = readText('docs/lifecycle.md');

interface Arrow {
  from: string;
  to: string;
  label: string;
}

/** The arrows of the diagram below a heading. */
function arrowsOf(heading: string): Arrow[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [, diagram = ''] = /```mermaid\nstateDiagram-v2\n([^`]+)```/.exec(section) ?? [];
  return diagram
    .trim()
    .split('\n')
    .map((line) => {
      const [, from, to, label = ''] = /^ *(\S+) --> ([^\s:]+)(?:: (.+))?$/.exec(line) ?? [];
      if (from === undefined || to === undefined) throw new Error(`no arrow: ${line}`);
      return { from, to, label };
    });
}

function statesOf(heading: string): string[] {
  const named = arrowsOf(heading).flatMap(({ from, to }) => [from, to]);
  return [...new Set(named)].filter((state) => state !== '[*]').sort();
}

it.each<[string, readonly string[]]>([
  ['Job', JOB_STATUSES],
  ['Delivery', DELIVERY_STATUSES],
  ['Subscriber', SUBSCRIBER_STATES],
  ['Circuit', endpointStatus.shape.circuit.options],
])('%s has the states of the code', (heading, states) => {
  expect(statesOf(heading)).toEqual([...states].sort());
});

it('has the states of an alert that SQL has', () => {
  const sql = readText('supabase/sql/observe/apply_readings.sql');
  const set = new Set([...sql.matchAll(/state (?:=|<>) '(\w+)'/g)].map(([, state = '']) => state));
  expect(statesOf('Alert')).toEqual([...set].sort());
});

it('has every transition of a delivery, and no other', () => {
  const sql = readText('supabase/sql/deliver/move_delivery.sql');
  const made = [...sql.matchAll(/^-- \| (\w+) +\| (?!leads)/gm)].map(([, name = '']) => name);
  const drawn = arrowsOf('Delivery')
    .filter(({ from, to }) => from !== '[*]' && to !== '[*]')
    .flatMap(({ label }) => label.split(', '));
  expect(made.length).toBeGreaterThan(10);
  expect([...new Set(drawn)].sort()).toEqual(made.sort());
});

it('leaves no final state', () => {
  const finals = ['succeeded', 'cancelled', 'success', 'superseded', 'removed', 'resolved'];
  const left = ['Job', 'Delivery', 'Subscriber', 'Alert']
    .flatMap(arrowsOf)
    .filter(({ from, to }) => finals.includes(from) && to !== '[*]');
  expect(left).toEqual([]);
});
