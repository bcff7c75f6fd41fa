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

/** The signed-in person's notifications, newest first. */
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

/** Marks one of the person's notifications as read. `not_found`: there is no unread one with this id. */
export async function markNotificationRead(
  client: DatabaseClient,
  id: number,
  { signal }: CallOptions = {},
): Promise<Answer<Notification>> {
  return withInput(z.int(), id, async (rowId) => {
    const update = client
      .from('report_notifications')
      // PostgreSQL reads this text as the time of the transaction, so the database's clock counts.
      .update({ read_at: 'now' })
      .eq('id', rowId)
      .is('read_at', null)
      .select();
    const answer = await ask(client, signal ? update.abortSignal(signal) : update, z.array(notification));
    return first(answer, 'There is no unread notification with this id.');
  });
}

/** Marks the person's notifications of this report, or all of them, as read. Returns those that were unread. */
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
