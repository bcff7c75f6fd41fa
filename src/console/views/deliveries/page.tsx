import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useRef, useState } from 'react';
import { z } from 'zod';
import { DeliveryFilters } from './delivery-filters.tsx';
import { DeliveryTable } from './delivery-table.tsx';
import { countText, SelectionBar } from './selection-bar.tsx';
import { CopyLink } from '../../ui/copy-link.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { countSendable } from '../../lib/delivery-actions.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { deliveriesQuery, deliveryQueryOf } from '../../lib/delivery-queries.ts';
import { planFilterOf, type PlanDraft } from './plan-filter.ts';
import { useSession } from '../../lib/session.ts';
import { timeRangeFields } from '../../lib/time-range.ts';
import { useRealtime } from '../../lib/use-realtime.ts';
import { useSearch } from '../../lib/use-search.ts';
import { openStatus } from '../../../contracts/console-deliveries.ts';
import { DEAD_REASONS } from '../../../contracts/constants.ts';
import { endpointId } from '../../../contracts/endpoints.ts';
import { reportType, stage } from '../../../contracts/webhooks.ts';
import { getReportsWithFailedWebhooks } from '../../../services/polarisReportsService.ts';

/** They wait for rows of their own: their code may wait as well. */
const CausePanel = lazy(async () => ({
  default: (await import('./cause-panel.tsx')).CausePanel,
}));
const PlanPanel = lazy(async () => ({
  default: (await import('./plan-panel.tsx')).PlanPanel,
}));

const Backlog = lazy(async () => ({
  default: (await import('./backlog.tsx')).Backlog,
}));

/** The dialog is large: it comes when it is opened. */
const PlanDialog = lazy(async () => ({
  default: (await import('./plan-dialog.tsx')).PlanDialog,
}));

const view = z.object({
  status: openStatus.optional().catch(undefined),
  type: reportType.optional().catch(undefined),
  stage: stage.optional().catch(undefined),
  reason: z.enum(DEAD_REASONS).optional().catch(undefined),
  error: z.string().min(1).max(200).optional().catch(undefined),
  endpoint: endpointId.optional().catch(undefined),
  answer: z
    .union([z.literal('none'), z.coerce.number().pipe(z.int().min(100).max(599))])
    .optional()
    .catch(undefined),
  cause: z.string().min(1).max(200).optional().catch(undefined),
  ...timeRangeFields,
});
const NOTHING = Object.fromEntries(Object.keys(view.shape).map((name) => [name, null]));
const TABLES = ['webhook_deliveries'];

export function FailedDeliveries() {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [{ type, reason, endpoint, answer, ...rest }, change] = useSearch(view);
  const filter = {
    ...rest,
    report_type: type,
    dead_reason: reason,
    endpoint_id: endpoint,
    response_status: answer,
  };
  const [isPaused, setPaused] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [draft, setDraft] = useState<PlanDraft | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const isHeld = isPaused || draft !== null;
  const list = useInfiniteQuery(deliveriesQuery(supabase, filter, isHeld));
  // As its interval: each change would read all pages again.
  const isOnePage = (list.data?.pages.length ?? 0) <= 1;
  useRealtime(
    supabase,
    TABLES,
    !isHeld && isOnePage,
    () => void client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  );

  const rows = list.data?.pages.flatMap((page) => page.rows) ?? [];
  // The rows are those of the filter before, until the present one's are there.
  const isFormer = list.isPlaceholderData;
  const total = isFormer ? undefined : list.data?.pages[0]?.total;
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const shownSelected = rows.filter(({ id }) => selected.has(id));

  return (
    <Page
      title="Failed deliveries"
      lead="Deliveries that their endpoint has not confirmed yet. Every applied result is already in its report."
      actions={
        <>
          <CopyLink />
          <RefreshBar
            query={list}
            readAt={list.data?.pages[0]?.readAt}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </>
      }
    >
      <DeliveryFilters
        filter={filter}
        onChange={change}
        onClear={isFiltered ? () => change(NOTHING) : undefined}
      />
      <Suspense>
        <Backlog />
        <CausePanel isPaused={isHeld} onRedrive={setDraft} />
        <PlanPanel />
      </Suspense>
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      <Panel
        title={total === undefined ? 'Deliveries' : `Deliveries, ${countText(total)}`}
        isFlush
        headingRef={heading}
        actions={
          total !== undefined && (
            <>
              <ExportButtons
                name="deliveries"
                list={() => {
                  const query = deliveryQueryOf(filter);
                  return (request) => getReportsWithFailedWebhooks(supabase, { ...query, ...request });
                }}
              />
              <SelectionBar
                selected={shownSelected}
                sendable={countSendable(filter, rows, list.hasNextPage, total)}
                areDeadOnly={filter.status === 'dead'}
                planAll={planFilterOf(filter)}
                onPlan={setDraft}
                onClear={() => setSelected(new Set())}
              />
            </>
          )
        }
      >
        {(list.isPending || (isFormer && rows.length === 0)) && (
          <LoadingState label="Loading deliveries" rows={8} />
        )}
        {list.isSuccess && !isFormer && rows.length === 0 && (
          <EmptyState title={isFiltered ? 'No delivery matches' : 'Nothing has failed'}>
            {isFiltered
              ? 'Choose other filters, or clear them.'
              : 'Every delivery has been confirmed. Failed and waiting deliveries show here automatically.'}
          </EmptyState>
        )}
        {rows.length > 0 && (
          <div aria-busy={isFormer} data-former={isFormer}>
            <DeliveryTable
              deliveries={rows}
              selected={new Set(shownSelected.map(({ id }) => id))}
              onSelectedChange={setSelected}
            />
          </div>
        )}
        <MoreButton query={list} />
      </Panel>
      {draft !== null && (
        <Suspense>
          <PlanDialog
            draft={draft}
            returnTo={heading}
            onPlanned={() => setSelected(new Set())}
            onClose={() => setDraft(null)}
          />
        </Suspense>
      )}
    </Page>
  );
}
