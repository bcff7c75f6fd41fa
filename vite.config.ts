import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { writeConsolePolicy } from './tools/build/console-policy.ts';

/** The console. Tests have a configuration of their own (vitest.config.ts). */
export default defineConfig({
  plugins: [react(), writeConsolePolicy()],
  build: {
    target: 'es2024',
    // Browsers with light-dark(): its replacement would follow the system alone, not the theme that somebody chooses.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // scripts/first-load.ts reads which chunk loads which.
    manifest: true,
    // Inline data would need a wider Content-Security-Policy, and the polyfill is for browsers that lack `target`.
    assetsInlineLimit: 0,
    // scripts/first-load.ts has the limit that counts.
    chunkSizeWarningLimit: 2_000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // One chunk: its setting has to hold before any other chunk makes a schema.
        codeSplitting: { groups: [{ name: 'zod', test: /node_modules\/zod\/|zod-under-csp/ }] },
      },
    },
  },
});
