import { z } from 'zod';
import {
  notification,
  notificationQuery,
  type Notification,
  type NotificationPage,
  type NotificationQuery,
} from '../contracts/console-reports.ts';
import { ask, first, withInput, type Answer, type CallOptions } from './answer.ts';
import type { DatabaseClient } from './database.ts';

/** What the signed-in person was told, newest first. */
export async function listNotifications(
  client: DatabaseClient,
  query: NotificationQuery = {},
  { signal }: CallOptions = {},
): Promise<Answer<NotificationPage>> {
  return withInput(notificationQuery, query, async ({ unread, limit, before }) => {
    // One more than asked for tells whether anything follows.
    let select = client
      .from('report_notifications')
      .select()
      .order('id', { ascending: false })
      .limit(limit + 1);
    if (unread) select = select.is('read_at', null);
    if (before != null) select = select.lt('id', before);
    const answer = await ask(client, signal ? select.abortSignal(signal) : select, z.array(notification));
    if (answer.error !== null) return answer;
    const rows = answer.data.slice(0, limit);
    const next = answer.data.length > limit ? (rows.at(-1)?.id ?? null) : null;
    return { data: { rows, next }, error: null };
  });
}

/** Marks one of one's own notifications as read. `not_found`: there is none with this id that was not read yet. */
export async function markNotificationRead(
  client: DatabaseClient,
  id: number,
  { signal }: CallOptions = {},
): Promise<Answer<Notification>> {
  return withInput(z.int(), id, async (rowId) => {
    const update = client
      .from('report_notifications')
      // The database's own clock: PostgreSQL reads this as the time of the transaction.
      .update({ read_at: 'now' })
      .eq('id', rowId)
      .is('read_at', null)
      .select();
    const answer = await ask(client, signal ? update.abortSignal(signal) : update, z.array(notification));
    return first(answer, 'There is no unread notification with this id.');
  });
}
