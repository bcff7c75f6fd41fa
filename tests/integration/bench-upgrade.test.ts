import { expect, it } from 'vitest';
import { describeUpgrade, measureUpgrade } from '../../tools/bench/upgrade.ts';
import { createNewProject } from '../support/database.ts';

it('measures an upgrade of 300 reports from the seed to the last import, while others read and write', async () => {
  await using database = await createNewProject({ alone: false });
  const figures = await measureUpgrade(
    database.url,
    { reports: 300, quietMs: 200 },
    { onStep: () => undefined },
  );
  expect(figures.phases.map(({ name }) => name)).toEqual(['before', 'push', 'between', 'upgrade', 'after']);
  for (const { reader, writer } of figures.phases) {
    expect(Math.min(reader.calls, writer.calls)).toBeGreaterThan(0);
    expect(reader.longestMs).toBeGreaterThanOrEqual(reader.medianMs);
  }
  expect(figures).toMatchObject({ left: 0, problems: 0 });
  expect(describeUpgrade(figures)).toMatch(/upgrade: \d+ reports imported in [^]*\npush .* s /);
}, 120_000);
