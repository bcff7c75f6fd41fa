import { defineConfig } from 'vitest/config';
import { isWriteToEndedConnection } from './tools/local/ended-connection.ts';

export default defineConfig({
  test: {
    // Two cores run Postgres, the REST layer and the functions beside the tests: three files at a time reach the time-outs of some.
    maxWorkers: 2,
    onUnhandledError: (error) => !isWriteToEndedConnection(error),
    projects: [
      {
        test: {
          name: 'system',
          include: ['tests/{unit,integration,security,failure}/**/*.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'console',
          include: ['tests/component/**/*.test.tsx'],
          environment: 'jsdom',
          testTimeout: 30_000,
        },
      },
    ],
  },
});
