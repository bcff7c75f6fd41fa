import { intake, type Intake } from '../../../contracts/intake.ts';
import type { ReportType } from '../../../contracts/webhooks.ts';

const FILES = import.meta.glob<unknown>('../../../../examples/intakes/*.json', { import: 'default' });

/** Names of the example intakes of a report type, such as `greeting-it-lead`. */
export function exampleNames(reportType: ReportType): string[] {
  return Object.keys(FILES)
    .map((path) => path.replace(/^.*\/|\.json$/g, ''))
    .filter((name) => name.startsWith(`${reportType}-`));
}

/** Loads one of them: each is a file of its own, fetched when it is wanted. */
export async function loadExample(name: string): Promise<Intake> {
  const load = FILES[`../../../../examples/intakes/${name}.json`];
  if (load === undefined) throw new Error(`there is no example ${name}`);
  return intake.parse(await load());
}
