import { columns } from '../polaris/columns.ts';
import type { DemoResult } from './check.ts';

const PATHS: Readonly<Record<string, string>> = { webhook: 'webhook', direct: 'direct, then webhook' };

/** One line per result, with aligned columns. */
export function table(results: readonly DemoResult[]): string {
  const header = ['report', 'stage', 'path', 'attempts', 'webhook', 'time'];
  const rows = results.map(({ job, channel, attempts, webhookStatus }) => [
    job.report.name,
    job.stage,
    PATHS[channel ?? ''] ?? 'none',
    String(attempts),
    webhookStatus ?? 'none',
    `${(job.tookMs / 1000).toFixed(1)} s`,
  ]);
  return columns(header, rows).join('\n');
}
