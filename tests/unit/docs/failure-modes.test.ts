import { describe, expect, it } from 'vitest';
import { DRILLS } from '../../../tools/drill/drills.ts';
import { ALERT_RULES } from '../../../src/contracts/alerts.ts';
import { cellsOf, codeIn, readText } from './page.ts';

const ALERT = 'alert (drill)';

/** Each row of the page's tables: the failure, and the cell that says who is told. */
function linesOf(page: string): { fails: string; alert: string }[] {
  let column = -1;
  return page.split('\n').flatMap((line) => {
    if (!line.startsWith('| ')) return [];
    const cells = cellsOf(line);
    if (cells[0] === 'what fails') {
      column = cells.indexOf(ALERT);
      return [];
    }
    return (cells[0] ?? '').startsWith('---') ? [] : [{ fails: cells[0] ?? '', alert: cells[column] ?? '' }];
  });
}

const drills = new Map(DRILLS.map((drill) => [drill.name, drill]));

/** What is wrong with what a line says of its alert; empty: nothing. */
function faultsOf({ fails, alert }: { fails: string; alert: string }): string[] {
  if (/^none: \S/.test(alert)) return [];
  const named = codeIn(alert);
  const known = named.flatMap((name) => drills.get(name) ?? []);
  if (known.length === 0) return [`${fails}: neither a drill nor a reason`];
  const fired = known.flatMap((drill) => drill.alerts.map(({ rule }): string => rule));
  const rules = named.filter((name) => !drills.has(name));
  return [
    ...rules.filter((rule) => !fired.includes(rule)).map((rule) => `${fails}: no drill fires ${rule}`),
    ...known
      .filter(({ alerts }) => !alerts.some(({ rule }) => rules.includes(rule)))
      .map(({ name }) => `${fails}: ${name} fires none of them`),
  ];
}

const lines = linesOf(readText('docs/failure-modes.md'));

describe('failure-modes.md', () => {
  it('says of each line which alert tells of it and which drill proves that, or why none does', () => {
    expect(lines.length).toBeGreaterThan(90);
    expect(lines.flatMap(faultsOf)).toEqual([]);
  });

  it('names every drill', () => {
    const named = lines.flatMap(({ alert }) => codeIn(alert));
    expect(DRILLS.map(({ name }) => name).filter((name) => !named.includes(name))).toEqual([]);
  });

  it.each([
    ['| a new line | heals | nothing | | `x`: y |', ['a new line: neither a drill nor a reason']],
    ['| a new line | heals | nothing | none: | `x`: y |', ['a new line: neither a drill nor a reason']],
    [
      '| a new line | breaks | fix it | `no_sweep` (`clock-off`) | `x`: y |',
      ['a new line: no drill fires no_sweep', 'a new line: clock-off fires none of them'],
    ],
    ['| a new line | heals | nothing | none: it heals | `x`: y |', []],
  ])('would find: %s', (line, faults) => {
    const head = `| what fails | what then happens | the operator | ${ALERT} | proof |`;
    expect(linesOf([head, line].join('\n')).flatMap(faultsOf)).toEqual(faults);
  });
});

describe('the drills', () => {
  it('have names of their own', () => {
    expect(drills.size).toBe(DRILLS.length);
  });

  it('fire every rule', () => {
    const fired = new Set(DRILLS.flatMap(({ alerts }) => alerts.map(({ rule }): string => rule)));
    expect(Object.keys(ALERT_RULES).filter((rule) => !fired.has(rule))).toEqual([]);
  });
});
