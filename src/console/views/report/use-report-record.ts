import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import { reportKey, reportQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';

/** A report with its content, read again when another event has won since. `winner`: undefined while that is not known. */
export function useReportRecord(report: ReportRef, winner: string | null | undefined) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const record = useQuery(reportQuery(supabase, report));
  const isStale = winner !== undefined && record.data !== undefined && record.data.winner_event_id !== winner;
  useEffect(() => {
    if (!isStale) return;
    void client.invalidateQueries({ queryKey: [...reportKey(report), 'record'] });
    void client.invalidateQueries({ queryKey: ['my-reports'] });
  }, [client, report, winner, isStale]);
  return record;
}
