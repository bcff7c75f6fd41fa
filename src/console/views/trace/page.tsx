import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { CopyLink } from '../../ui/copy-link.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { Field } from '../../ui/field.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { useSession } from '../../lib/session.ts';
import { shortId } from '../../lib/short-id.ts';
import { useSearch } from '../../lib/use-search.ts';
import { tracesQuery } from './queries.ts';
import styles from './trace.module.css';
import { TraceTree } from './trace-tree.tsx';

const view = z.object({ id: z.string().trim().max(200).default('').catch('') });

/** What came of a request, as a tree: job, event, attempts, and the requests that they were received as. */
export function Trace() {
  const [{ id }, change] = useSearch(view);
  return (
    <Page
      title="Trace"
      lead="The path of a request: its job, its event, each attempt, and each received request."
      actions={id !== '' && <CopyLink />}
    >
      <search className="no-print">
        {/* Keyed: a link to another trace empties what was typed for this one. */}
        <AskForm key={id} id={id} onAsk={(asked) => change({ id: asked })} />
      </search>
      {id === '' ? (
        <EmptyState title="Which trace?">
          Enter the id of a report, a job, an event or a trace. Reports, jobs and audit rows link here too.
        </EmptyState>
      ) : (
        <Traces id={id} />
      )}
    </Page>
  );
}

function AskForm({ id, onAsk }: { id: string; onAsk: (id: string) => void }) {
  const [typed, setTyped] = useState(id);
  return (
    <form
      className={styles['ask']}
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(typed.trim());
      }}
    >
      <Field label="Id of a report, a job, an event or a trace">
        {(control) => (
          <input
            {...control}
            type="text"
            spellCheck={false}
            autoComplete="off"
            maxLength={200}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit">Show</Button>
    </form>
  );
}

function Traces({ id }: { id: string }) {
  const { supabase } = useSession();
  const [isPaused, setPaused] = useState(false);
  const query = useQuery(tracesQuery(supabase, id, isPaused));
  const { data } = query;
  return (
    <>
      <div className={`${styles['bar'] ?? ''} no-print`}>
        <p className={styles['command']}>
          At the command line: <CopyableId id={commandOf(id)} what="command" />
        </p>
        <RefreshBar
          query={query}
          readAt={data === undefined ? undefined : query.dataUpdatedAt}
          isPaused={isPaused}
          onPausedChange={setPaused}
        />
      </div>
      {query.isPending && <LoadingState label="Loading the trace" rows={8} />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} isRefresh={data !== undefined} />
      )}
      {data?.traces.length === 0 && (
        <EmptyState title="Nothing has this id">
          Only complete ids are found. Rows from before version 0.3.0 have no trace.
        </EmptyState>
      )}
      {data?.truncated === true && <p className="muted">More steps exist than are shown.</p>}
      {data?.traces.map((trace) => (
        <Panel
          key={trace.trace_id}
          title={`Trace ${shortId(trace.trace_id)}`}
          actions={<CopyableId id={trace.trace_id} what="trace id" />}
        >
          <TraceTree trace={trace} />
        </Panel>
      ))}
    </>
  );
}

/** Quoted for a POSIX shell, where the id is not one of ours. */
export function commandOf(id: string): string {
  return `npm run polaris -- trace ${/^[\w-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`}`;
}
