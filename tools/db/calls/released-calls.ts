import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { withConnection } from '../throwaway.ts';
import { callsOfCode, type CodeCalls } from './calls-of-code.ts';
import { readCalledObjects, type CalledObjects } from './called-objects.ts';
import type { Calls } from './calls.ts';

/** The calls of this version's code, described by the migrated database. @throws {Error} if the database lacks one */
export async function callsOfProject(project: string, url: string): Promise<Calls> {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(project, 'package.json'), 'utf8')));
  const { reportTables, objects } = await withConnection(url, async (sql) => {
    const rows = await sql<{ table_name: string }[]>`select table_name from public.report_types order by 1`;
    return { reportTables: rows.map(({ table_name }) => table_name), objects: await readCalledObjects(sql) };
  });
  return describeCalls(version, callsOfCode(project), objects, reportTables);
}

/** @param reportTables all alike: if the code names one of them, it may call each */
export function describeCalls(
  version: string,
  { functions, tables }: CodeCalls,
  objects: CalledObjects,
  reportTables: readonly string[],
): Calls {
  const isReports = tables.some((name) => reportTables.includes(name));
  const names = new Set([...tables, ...(isReports ? reportTables : [])]);
  return {
    version,
    functions: Object.fromEntries(
      functions.map((name) => {
        const [own, ...others] = objects.functions.get(name) ?? [];
        if (own === undefined || others.length > 0) {
          throw new Error(
            `The code calls public.${name}(), of which the database has ${own ? 'several' : 'none'}.`,
          );
        }
        return [name, own];
      }),
    ),
    tables: Object.fromEntries(
      [...names].sort().map((name) => {
        const own = objects.tables.get(name);
        if (own === undefined) throw new Error(`The code reads public.${name}, which the database lacks.`);
        return [name, own];
      }),
    ),
  };
}
