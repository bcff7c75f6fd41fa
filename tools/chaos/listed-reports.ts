import { randomUUID } from 'node:crypto';
import { MAX_PAGE_ROWS, type Cursor } from '../../src/contracts/paging.ts';
import { reportPage } from '../../src/contracts/console-reports.ts';
import type { ChaosSystem } from './system.ts';

/** Reads all reports as the console shows them to an operator. Returns what is missing or cannot be read. */
export async function listedReports({ sql }: ChaosSystem): Promise<string[]> {
  const operator = randomUUID();
  await sql`insert into auth.users (id, email) values (${operator}, ${`${operator}@example.com`})`;
  await sql`insert into public.operators (user_id) values (${operator})`;
  const claims = JSON.stringify({ sub: operator, role: 'authenticated' });
  const listed = new Set<string>();
  let cursor: Cursor | null = null;
  do {
    const after: Cursor | null = cursor;
    const [answer] = await sql.begin(async (other) => {
      await other`select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
      return other`
        select public.list_reports('all', null, ${MAX_PAGE_ROWS}, ${after?.at ?? null}::text::timestamptz, ${after?.id ?? null}) as page`;
    });
    const page = reportPage.safeParse(answer?.['page']);
    if (!page.success) return [`the list of reports cannot be read: ${page.error.message}`];
    for (const { id } of page.data.rows) {
      if (listed.has(id)) return [`the list of reports shows ${id} twice`];
      listed.add(id);
    }
    cursor = page.data.next;
  } while (cursor !== null);
  const rows = await sql<{ id: string }[]>`select id from public.org_reports`;
  return rows.filter(({ id }) => !listed.has(id)).map(({ id }) => `the list of reports does not show ${id}`);
}
