import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useRef, useState } from 'react';
import { z } from 'zod';
import { CopyLink } from '../../ui/copy-link.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { FilterChips } from '../../ui/filter-chips.tsx';
import { FilterBar, FilterSelect } from '../../ui/filter-bar.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { reportState } from '../../../contracts/console-operator-reports.ts';
import { REPORT_TYPES } from '../../../contracts/constants.ts';
import { reportType } from '../../../contracts/webhooks.ts';
import { listAllReports } from '../../../services/operator-reports.ts';
import { useSession } from '../../lib/session.ts';
import { useSearch } from '../../lib/use-search.ts';
import { allReportsQuery } from './queries.ts';
import { ReportTable } from './report-table.tsx';

const view = z.object({
  state: reportState.optional().catch(undefined),
  type: reportType.optional().catch(undefined),
  owner: z.guid().optional().catch(undefined),
});
const NOTHING = { state: null, type: null, owner: null };
const STATES = [
  { value: 'missing', label: 'Missing: requested, no text yet' },
  { value: 'failed', label: 'Failed: the newest request failed' },
] as const;
const TYPES = REPORT_TYPES.map((value) => ({ value, label: labelOf(value) }));

/** Everybody's reports: whose they are, how far they have come, and what became of their delivery. */
export function AllReports() {
  const { supabase, user } = useSession();
  const [{ state, type, owner }, change] = useSearch(view);
  const [isPaused, setPaused] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const filter = { state, report_type: type, owner };
  const list = useInfiniteQuery(allReportsQuery(supabase, filter, isPaused));
  const rows = list.data?.pages.flatMap((page) => page.rows) ?? [];
  // The rows are those of the filter before, until the present one's are there.
  const isFormer = list.isPlaceholderData;
  const isFiltered = state !== undefined || type !== undefined || owner !== undefined;
  const ownerName = rows.find(({ user_id }) => user_id === owner)?.owner_email ?? owner;

  return (
    <Page
      title="Reports"
      lead="The reports of all owners, with stage and delivery."
      actions={
        <>
          {owner === undefined ? (
            <Link href={`/reports?owner=${user.id}`}>My own reports</Link>
          ) : (
            <Link href={`/erasure?user=${owner}`}>Erase this account’s content</Link>
          )}
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
      <FilterBar onClear={isFiltered ? () => change(NOTHING) : undefined}>
        <FilterSelect
          label="State"
          any="All"
          value={state}
          options={STATES}
          onChange={(value) => change({ state: value })}
        />
        <FilterSelect
          label="Report type"
          value={type}
          options={TYPES}
          onChange={(value) => change({ type: value })}
        />
      </FilterBar>
      <FilterChips
        filters={[
          {
            name: 'State',
            value: STATES.find(({ value }) => value === state)?.label,
            onRemove: () => change({ state: null }),
          },
          { name: 'Report type', value: type && labelOf(type), onRemove: () => change({ type: null }) },
          { name: 'Owner', value: ownerName, onRemove: () => change({ owner: null }) },
        ]}
      />
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      <Panel
        title={owner === undefined ? 'Newest first' : `Reports of ${ownerName ?? ''}, newest first`}
        isFlush
        headingRef={heading}
        actions={
          <ExportButtons
            name="reports"
            list={() => (request) => listAllReports(supabase, { ...filter, ...request })}
          />
        }
      >
        {(list.isPending || (isFormer && rows.length === 0)) && (
          <LoadingState label="Loading reports" rows={8} />
        )}
        {list.isSuccess && !isFormer && rows.length === 0 && (
          <EmptyState title={state === 'missing' ? 'No report is missing' : 'No report matches'}>
            {isFiltered
              ? 'Choose other filters, or clear them.'
              : 'The first report shows here automatically.'}
          </EmptyState>
        )}
        {rows.length > 0 && (
          <div aria-busy={isFormer} data-former={isFormer}>
            <ReportTable reports={rows} />
          </div>
        )}
        <MoreButton query={list} />
      </Panel>
    </Page>
  );
}
