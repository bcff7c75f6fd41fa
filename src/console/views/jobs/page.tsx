import { useInfiniteQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { z } from 'zod';
import { CopyLink } from '../../ui/copy-link.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { jobFilterState } from '../../../contracts/console-jobs.ts';
import { reportType, stage } from '../../../contracts/webhooks.ts';
import { listAllJobs } from '../../../services/report-jobs.ts';
import { useSession } from '../../lib/session.ts';
import { timeRangeFields } from '../../lib/time-range.ts';
import { useSearch } from '../../lib/use-search.ts';
import { JobFilters } from './job-filters.tsx';
import { JobTable } from './job-table.tsx';
import { allJobsQuery, jobQueryOf } from './queries.ts';
import { StateLinks, STATE_NAMES } from './state-links.tsx';

const filters = {
  type: reportType.optional().catch(undefined),
  stage: stage.optional().catch(undefined),
  owner: z.guid().optional().catch(undefined),
  ...timeRangeFields,
};
const view = z.object({ state: jobFilterState.optional().catch(undefined), ...filters });
const NOTHING = Object.fromEntries(Object.keys(filters).map((name) => [name, null]));

/** Everybody's jobs: who runs them, since when, and what became of them. */
export function Jobs() {
  const { supabase } = useSession();
  const [{ type, ...rest }, change] = useSearch(view);
  const filter = { ...rest, report_type: type };
  const [isPaused, setPaused] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const list = useInfiniteQuery(allJobsQuery(supabase, filter, isPaused));
  const rows = list.data?.pages.flatMap((page) => page.rows) ?? [];
  // The rows are those of the filter before, until the present one's are there.
  const isFormer = list.isPlaceholderData;
  const { state, ...others } = filter;
  const isFiltered = Object.values(others).some((value) => value !== undefined);

  return (
    <Page
      title="Jobs"
      lead="Each job generates one text. When a runner stops responding, the next sweep takes its job over."
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
      tabs={<StateLinks current={state} counts={list.data?.pages[0]?.counts} />}
    >
      <JobFilters
        filter={filter}
        ownerName={rows.find(({ user_id }) => user_id === filter.owner)?.owner_email ?? undefined}
        onChange={change}
        onClear={isFiltered ? () => change(NOTHING) : undefined}
      />
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      <Panel
        title={state === undefined ? 'All jobs' : `${STATE_NAMES[state]} jobs`}
        isFlush
        headingRef={heading}
        actions={
          <ExportButtons
            name="jobs"
            list={() => {
              const query = jobQueryOf(filter);
              return (request) => listAllJobs(supabase, { ...query, ...request });
            }}
          />
        }
      >
        {(list.isPending || (isFormer && rows.length === 0)) && (
          <LoadingState label="Loading jobs" rows={8} />
        )}
        {list.isSuccess && !isFormer && rows.length === 0 && (
          <EmptyState title={state === undefined && !isFiltered ? 'No job yet' : 'No job matches'}>
            {state === undefined && !isFiltered
              ? 'The first job shows here automatically.'
              : 'Choose another state or other filters.'}
          </EmptyState>
        )}
        {rows.length > 0 && (
          <div aria-busy={isFormer} data-former={isFormer}>
            <JobTable jobs={rows} />
          </div>
        )}
        <MoreButton query={list} />
      </Panel>
    </Page>
  );
}
