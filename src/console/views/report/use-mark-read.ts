import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useSession } from '../../lib/session.ts';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import { markNotificationsRead } from '../../../services/notifications.ts';

/** Who opens a report has read what they were told of it. `isShown`: its text is on the page. */
export function useMarkRead({ report_type, report_id }: ReportRef, isShown: boolean): void {
  const { supabase } = useSession();
  const client = useQueryClient();
  useEffect(() => {
    if (!isShown) return;
    void markNotificationsRead(supabase, { report_type, report_id }).then(({ data }) => {
      // Where that failed they stay unread, and the next time marks them.
      if (data !== null && data.length > 0) return client.invalidateQueries({ queryKey: ['notifications'] });
    });
  }, [supabase, client, report_type, report_id, isShown]);
}
