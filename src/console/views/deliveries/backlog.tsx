import { useQuery } from '@tanstack/react-query';
import { statusQuery } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { BACKLOG_COUNTED, minutesLeft, type DeliveryBacklog } from '../../../contracts/retry.ts';
import { formatCount, plural } from '../../lib/format.ts';

/** What sweeps have before them, and how long it will take. Nothing while nothing is due. */
export function Backlog() {
  const { supabase } = useSession();
  const { data } = useQuery(statusQuery(supabase));
  if (data === undefined || data.backlog.due === 0) return null;
  return <p role="status">{describeBacklog(data.backlog)}</p>;
}

export function describeBacklog(backlog: DeliveryBacklog): string {
  const { due, confirmed } = backlog;
  const isMore = due > BACKLOG_COUNTED;
  const minutes = minutesLeft(backlog);
  const left =
    minutes === null
      ? 'None arrived in the last minute.'
      : `${formatCount(confirmed)} arrived in the last minute: ${isMore ? 'more than' : 'about'} ${formatCount(minutes)} min left.`;
  const count = plural(Math.min(due, BACKLOG_COUNTED), 'delivery is', 'deliveries are');
  const sent = due === 1 ? 'The next sweep sends it.' : 'The next sweeps send them.';
  return `${isMore ? 'More than ' : ''}${count} due. ${sent} ${left}`;
}
