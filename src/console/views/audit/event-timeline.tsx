import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { lazy, Suspense } from 'react';
import { eventMarkdown } from './event-markdown.ts';
import { timelineQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import type { EventTimeline as Timeline } from '../../../contracts/console-audit.ts';
import { useActorNames } from '../../ui/actor-name.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { LongText } from '../../ui/long-text.tsx';
import { Panel } from '../../ui/page.tsx';
import { reportHref } from '../../lib/links.ts';
import { subjectOf } from '../../lib/subject-of.ts';
import { ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import timelineStyles from '../../ui/timeline.module.css';
import styles from './audit.module.css';
import { Step } from '../../ui/timeline-step.tsx';

/** Most who look at an event do not ask this. */
const EventReceivers = lazy(async () => ({
  default: (await import('../../ui/event-receivers.tsx')).EventReceivers,
}));

/** The history of an event across job, attempts, fallback and effect. */
export function EventTimeline({
  eventId,
  openRow,
  isPaused,
  hrefOfRow,
}: {
  eventId: string;
  openRow: string | undefined;
  isPaused: boolean;
  hrefOfRow: (id: string) => string;
}) {
  const { supabase } = useSession();
  const timeline = useQuery(timelineQuery(supabase, eventId, isPaused));
  return (
    <Panel
      title="The event"
      actions={timeline.data !== undefined && <CopyMarkdown id={eventId} timeline={timeline.data} />}
    >
      {timeline.isPending && <LoadingState rows={8} />}
      {timeline.isError && <ErrorState error={timeline.error} onRetry={() => void timeline.refetch()} />}
      {timeline.data !== undefined && (
        <div className={styles['facts']}>
          <EventFacts id={eventId} timeline={timeline.data} />
          {timeline.data.truncated && (
            <p className={timelineStyles['note']}>
              There are more attempts and requests: search the log for the event’s id.
            </p>
          )}
          {timeline.data.event !== null && (
            <Suspense fallback={null}>
              <EventReceivers key={eventId} eventId={eventId} title="Which subscribers got the event" />
            </Suspense>
          )}
          <ol className={timelineStyles['timeline']} aria-label="Timeline">
            {timeline.data.steps.map((step, index) => (
              <Step key={index} step={step} openRow={openRow} hrefOfRow={hrefOfRow} />
            ))}
          </ol>
        </div>
      )}
    </Panel>
  );
}

function CopyMarkdown({ id, timeline }: { id: string; timeline: Timeline }) {
  const nameOf = useActorNames();
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(eventMarkdown(id, timeline, nameOf));
      notify({ kind: 'success', title: 'Event copied as Markdown' });
    } catch {
      notify({
        kind: 'error',
        title: 'The browser did not allow copying',
        text: 'Allow copying for this page.',
      });
    }
  }
  return (
    <Button size="small" onClick={() => void copy()}>
      Copy as Markdown
    </Button>
  );
}

function EventFacts({ id, timeline: { event, job, delivery } }: { id: string; timeline: Timeline }) {
  return (
    <Facts>
      <Fact name="Event">
        <CopyableId id={id} what="event id" />
      </Fact>
      {event === null && <Fact name="Known">Requests used this event id, but all were rejected.</Fact>}
      {event !== null && (
        <>
          <Fact name="Type">{event.type}</Fact>
          <Fact name="Report">
            <Link href={reportHref(event)}>{subjectOf(event)}</Link>
          </Fact>
          <Fact name="Effect">
            <StatusBadge status={event.effect ?? 'none yet'} />
          </Fact>
          <Fact name="Error">{event.error === null ? null : <LongText text={event.error} />}</Fact>
          <Fact name="Content">{event.erased_at === null ? null : 'erased'}</Fact>
        </>
      )}
      {delivery !== null && (
        <Fact name="Delivery">
          <StatusBadge status={delivery.dead_at === null ? delivery.status : 'dead letter'} />
        </Fact>
      )}
      {job !== null && (
        <Fact name="Job">
          <CopyableId id={job.job_id} what="job id" />
        </Fact>
      )}
    </Facts>
  );
}
