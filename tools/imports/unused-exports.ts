import { matchesGlob } from 'node:path';
import type { Module } from './modules.ts';

/** Files whose exports are used by other means than an import. */
const ENTRIES = [
  // Vercel and the local system load these by path.
  'api/**',
  'tools/bench/{bare,empty}-function.ts',
  '*.config.ts',
  'tests/**/global-setup.ts',
  // Documentation for users of the project.
  'examples/**',
  // The platform calls these by name.
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
