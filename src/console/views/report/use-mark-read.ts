import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useSession } from '../../lib/session.ts';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import { markNotificationsRead } from '../../../services/notifications.ts';

/**
 * Marks the notifications of a report as read while its text is on the page, also those of a final that arrives meanwhile.
 * @param winner the event whose text is shown; undefined: no text is shown yet
 */
export function useMarkRead({ report_type, report_id }: ReportRef, winner: string | null | undefined): void {
  const { supabase } = useSession();
  const client = useQueryClient();
  useEffect(() => {
    if (winner === undefined) return;
    void markNotificationsRead(supabase, { report_type, report_id }).then(({ data }) => {
      // Where that failed they stay unread, and the next time marks them.
      if (data !== null && data.length > 0) return client.invalidateQueries({ queryKey: ['notifications'] });
    });
  }, [supabase, client, report_type, report_id, winner]);
}
