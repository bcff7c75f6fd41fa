import { z } from 'zod';
import {
  notification,
  notificationPage,
  notificationQuery,
  type Notification,
  type NotificationPage,
  type NotificationQuery,
  type ReportRef,
} from '../contracts/console-reports.ts';
import { ask, first, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/** What the signed-in person was told, newest first. */
export async function listNotifications(
  client: DatabaseClient,
  query: NotificationQuery = {},
  options: CallOptions = {},
): Promise<Answer<NotificationPage>> {
  return withInput(notificationQuery, query, ({ unread, limit, before }) =>
    call(
      client,
      'list_notifications',
      { p_unread: unread, p_limit: limit, p_before: before ?? undefined },
      notificationPage,
      options,
    ),
  );
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

/** Marks as read what the signed-in person was told of this report, or of every report. Answers what was unread. */
export async function markNotificationsRead(
  client: DatabaseClient,
  report?: ReportRef,
  { signal }: CallOptions = {},
): Promise<Answer<Notification[]>> {
  let update = client.from('report_notifications').update({ read_at: 'now' }).is('read_at', null);
  if (report !== undefined) {
    update = update.eq('report_type', report.report_type).eq('report_id', report.report_id);
  }
  const query = update.select();
  return ask(client, signal ? query.abortSignal(signal) : query, z.array(notification));
}
