import { describe, expect, it } from 'vitest';
import { historyProblems } from '../../../tools/local/migration-history.ts';

const present = { '20240101000001_a.sql': '1', '20261201000000_b.sql': '2', '20261202000000_c.sql': '3' };

describe('a history that continues', () => {
  it.each([
    ['an empty database', [], {}],
    ['one that lacks the newest', ['20240101000001', '20261201000000'], present],
    ['one that has all', ['20240101000001', '20261201000000', '20261202000000'], present],
    ['one of which nothing was kept', ['20240101000001', '20261201000000'], {}],
    ['one whose pending migration changed', ['20240101000001'], { ...present, '20261202000000_c.sql': '0' }],
  ])('%s', (_name, applied, recorded) => {
    expect(historyProblems({ applied, recorded, present })).toEqual([]);
  });
});

describe('another history', () => {
  it('has a migration that the folder lacks', () => {
    const applied = [
      '20240101000001',
      '20261124000010',
      '20261124000020',
      '20261124000030',
      '20261124000040',
    ];
    expect(historyProblems({ applied, recorded: {}, present })).toEqual([
      'this folder lacks 20261124000010, 20261124000020, 20261124000030 and 1 more, which were applied',
    ]);
  });

  it('has a migration with another content', () => {
    const recorded = { ...present, '20261201000000_b.sql': '0' };
    expect(historyProblems({ applied: ['20240101000001', '20261201000000'], recorded, present })).toEqual([
      '20261201000000_b.sql changed after being applied',
    ]);
  });

  it('lacks a migration that is older than its newest', () => {
    expect(
      historyProblems({ applied: ['20240101000001', '20261202000000'], recorded: present, present }),
    ).toEqual(['20261201000000_b.sql came before migrations that were applied']);
  });
});
