import { defineConfig } from '@playwright/test';

/** In a real Chromium against the real local system: each worker starts one of its own. */
export default defineConfig({
  testDir: 'tests/e2e',
  testMatch: '*.spec.ts',
  globalSetup: './tests/e2e/support/global-setup.ts',
  outputDir: 'test-results/e2e',
  // Tests of one file follow each other, on one system.
  workers: 3,
  forbidOnly: true,
  // Some look at five views, at two widths in two themes.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    launchOptions: {
      // Installed by the system: nothing is downloaded.
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    },
    locale: 'en-GB',
    screenshot: 'only-on-failure',
  },
});
