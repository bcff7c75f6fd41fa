import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { isWriteToEndedConnection } from './tools/local/ended-connection.ts';

/** The tests that break things, and those of pg_cron, wait the most: started last, each would run alone for minutes. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /\/tests\/failure\/|\/pg-cron\./.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    // For two cores, which also run PostgreSQL, the REST layer and the functions: two files at a time leave a third of them idle.
    maxWorkers: 3,
    onUnhandledError: (error) => !isWriteToEndedConnection(error),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/unit/**/*.test.ts'],
          testTimeout: 30_000,
          // They leave nothing behind. Loading the modules for each file would double their CPU time.
          isolate: false,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/{integration,security,failure}/**/*.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // The default, a second, is little for the others on a busy machine.
          expect: { poll: { timeout: 25_000 } },
        },
      },
      {
        test: {
          name: 'console',
          include: ['tests/component/**/*.test.tsx'],
          environment: 'jsdom',
          setupFiles: ['tests/support/patient-console.ts'],
          testTimeout: 30_000,
        },
      },
    ],
  },
});
