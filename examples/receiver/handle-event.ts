import type { TransactionSql } from 'postgres';
import { readEvent } from './event.ts';

/**
 * Handles an event once, however often it comes: its id and what it does are written in one transaction, the caller's. Either
 * both are there or none is, also when this process dies in between.
 * @returns whether it was new
 */
export async function handleEvent(sql: TransactionSql, id: string, body: string): Promise<boolean> {
  const event = readEvent(body);
  // Another process that handles the same event at this moment makes this one wait, and then find it there.
  const inserted = await sql`
    insert into polaris_events (id, type) values (${id}, ${event.type}) on conflict do nothing returning id`;
  if (inserted.length === 0) return false;

  if (event.type === 'report.deleted') {
    await sql`
      insert into polaris_reports (report_id, position, deleted) values (${event.reportId}, ${event.position ?? 0}, true)
      on conflict (report_id) do update set deleted = true, text = null`;
  } else if (event.position !== null && event.text !== undefined) {
    // Replays, redrives and the list may bring an older event after a newer one.
    await sql`
      insert into polaris_reports (report_id, position, text) values (${event.reportId}, ${event.position}, ${event.text})
      on conflict (report_id) do update set position = excluded.position, text = excluded.text
      where polaris_reports.position < excluded.position and not polaris_reports.deleted`;
  }
  return true;
}
