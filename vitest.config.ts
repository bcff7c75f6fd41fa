import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Two cores run Postgres, the REST layer and the functions beside the tests: three files at a time reach the time-outs of some.
    maxWorkers: 2,
    // postgres.js throws outside of every promise if it writes to a connection that has just been ended, which tests do on purpose.
    onUnhandledError: (error) =>
      !(error.name === 'TypeError' && error.stack?.includes('postgres/src/connection.js')),
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
