import { matchesGlob } from 'node:path';
import type { Module } from './modules.ts';

/** Files that something else than an import uses. */
const ENTRIES = [
  // Vercel and the local system load them by their paths.
  'api/**',
  'tools/bench/{bare,empty}-function.ts',
  '*.config.ts',
  'tests/**/global-setup.ts',
  // For its readers.
  'examples/**',
  // The platform looks for these names.
  'src/components/WebhookMonitor.tsx',
  'src/pages/ReportsDebug.tsx',
  'src/services/polarisReportsService.ts',
  // Generated.
  'src/contracts/database.types.ts',
];

/** Exports that no other file imports, as `path:line name`. */
export function findUnusedExports(modules: readonly Module[]): string[] {
  const used = new Set<string>();
  const whole = new Set<string>();
  for (const { imports } of modules) {
    for (const { path, names } of imports) {
      if (names === null) whole.add(path);
      for (const name of names ?? []) used.add(`${path} ${name}`);
    }
  }
  return modules
    .filter(({ path }) => !whole.has(path) && !ENTRIES.some((entry) => matchesGlob(path, entry)))
    .flatMap(({ path, exports }) =>
      [...exports]
        .filter(([name]) => !used.has(`${path} ${name}`))
        .map(([name, line]) => `${path}:${line} ${name}`),
    );
}
