import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { statisticsQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { useRealtime } from '../../lib/use-realtime.ts';
import { useSearch } from '../../lib/use-search.ts';
import { statisticsWindow } from '../../../contracts/console-statistics.ts';
import { isoTime } from '../../../contracts/paging.ts';
import { Choice } from '../../ui/choice.tsx';
import { CopyLink } from '../../ui/copy-link.tsx';
import { FilterChips } from '../../ui/filter-chips.tsx';
import { MonitorBody } from './monitor-body.tsx';
import styles from './monitor.module.css';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { ErrorState, LoadingState } from '../../ui/states.tsx';

const view = z.object({
  /** `between`: the figures of one time, which `after` and `before` say. */
  window: z.enum([...statisticsWindow.options, 'between']).catch('hour'),
  after: isoTime.optional().catch(undefined),
  before: isoTime.optional().catch(undefined),
  traffic: z.enum(['sent', 'received']).catch('sent'),
});
const WINDOWS = [
  { value: 'quarter', label: '15 min' },
  { value: 'hour', label: 'Hour' },
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
] as const;
const TRAFFIC = [
  { value: 'sent', label: 'Sent' },
  { value: 'received', label: 'Received' },
] as const;
const MOVING = { after: null, before: null };
const TABLES = ['webhook_deliveries', 'webhook_circuits'];

/** How webhooks fare, and what waits: all of the view at `/monitor`. */
export function WebhookMonitor() {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [{ window, after, before, traffic }, change] = useSearch(view);
  const [isPaused, setPaused] = useState(false);
  const pinned =
    window === 'between' && after !== undefined && before !== undefined ? { after, before } : undefined;
  const moving = window === 'between' ? 'hour' : window;
  const statistics = useQuery(statisticsQuery(supabase, pinned ?? moving, isPaused));
  // Those shown may still be of the window before.
  const current = statistics.isPlaceholderData ? undefined : statistics.data;
  useRealtime(supabase, TABLES, !isPaused, () => void client.invalidateQueries({ queryKey: OPERATOR_KEY }));

  return (
    <div className={styles['monitor']}>
      <div className={styles['toolbar']}>
        <div className={styles['choices']}>
          <Choice
            legend="Window"
            isLegendHidden
            value={pinned === undefined ? moving : 'between'}
            options={WINDOWS}
            onChange={(value) => change({ window: value, ...MOVING }, { replace: true })}
          />
          <Choice
            legend="Traffic"
            isLegendHidden
            value={traffic}
            options={TRAFFIC}
            onChange={(value) => change({ traffic: value }, { replace: true })}
          />
        </div>
        <div className={styles['actions']}>
          <CopyLink
            fields={
              pinned === undefined && current !== undefined
                ? { window: 'between', after: current.from, before: current.to }
                : undefined
            }
          />
          <RefreshBar
            query={statistics}
            readAt={statistics.dataUpdatedAt || undefined}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </div>
      </div>
      {pinned !== undefined && (
        <FilterChips
          filters={[]}
          time={{
            name: 'When',
            range: { after: current?.from ?? after, before: current?.to ?? before },
            onRemove: () => change({ window: null, ...MOVING }),
          }}
        />
      )}
      {statistics.isError && (
        <ErrorState error={statistics.error} onRetry={() => void statistics.refetch()} />
      )}
      {statistics.isPending && <LoadingState label="Loading the statistics" rows={14} />}
      {statistics.data !== undefined && (
        <MonitorBody statistics={statistics.data} traffic={traffic} isFormer={statistics.isPlaceholderData} />
      )}
    </div>
  );
}
