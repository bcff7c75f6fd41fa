import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'raviger';
import { z } from 'zod';
import { ActorName } from '../../ui/actor-name.tsx';
import { eventHref, reportHref } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import { ExactTime } from '../../ui/exact-time.tsx';
import { formatCount } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { shortId } from '../../lib/short-id.ts';
import { ErrorState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { Plan, ReplayPreview } from '../../../contracts/plans.ts';
import type { SubscriberView } from '../../../contracts/subscribers.ts';
import { reportType } from '../../../contracts/webhooks.ts';
import { applyPlan, cancelPlan } from '../../../services/plans.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { subscriberHref } from '../../lib/subscriber-queries.ts';
import { hostOf, shortType } from '../../lib/subscriber-words.ts';
import { notify } from '../../lib/toasts.ts';
import { ActionIcon } from '../../ui/action-icon.tsx';
import type { RowKeys } from '../../ui/use-row-keys.ts';
import { unwrap } from '../../lib/unwrap.ts';
import styles from './replays.module.css';
import { describePreview, describeReplay } from './words.ts';

/** Of what it is about; the rest is the API's. */
const shownFilter = z.object({
  endpoint_ids: z.array(z.string()).catch([]),
  from: z.string().optional().catch(undefined),
  to: z.string().optional().catch(undefined),
  report_type: z.string().optional().catch(undefined),
  report_id: z.string().optional().catch(undefined),
  types: z.array(z.string()).optional().catch(undefined),
  format_version: z.string().optional().catch(undefined),
  rate_per_second: z.number().optional().catch(undefined),
});

export function ReplayItem({
  plan,
  subscribers,
  row,
}: {
  plan: Plan;
  subscribers: readonly SubscriberView[];
  row: RowKeys;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const settled = () => client.invalidateQueries({ queryKey: OPERATOR_KEY });
  const apply = useMutation({
    mutationFn: () => unwrap(applyPlan(supabase, plan.id)),
    onSuccess: () =>
      notify({
        kind: 'success',
        title: 'The replay has started',
        text: 'The replay continues when this page is closed.',
      }),
    onSettled: settled,
  });
  const cancel = useMutation({
    mutationFn: () => unwrap(cancelPlan(supabase, plan.id)),
    onSettled: settled,
  });
  const isOpen = plan.status === 'proposed' || plan.status === 'running';
  const total = plan.total ?? plan.preview?.deliveries ?? null;
  const isBusy = apply.isPending || cancel.isPending;
  return (
    <li className={styles['replay']} aria-label={plan.name} {...row}>
      <div className={styles['head']}>
        <strong className="foreign">{plan.name}</strong>
        <StatusBadge status={plan.status} />
        {plan.status === 'proposed' && plan.preview !== null && plan.preview.deliveries > 0 && (
          <Button
            size="small"
            look="primary"
            isBusy={apply.isPending}
            disabled={isBusy}
            aria-label={`${applyWords(plan.preview)}: ${plan.name}`}
            onClick={() => apply.mutate()}
          >
            {applyWords(plan.preview)}
          </Button>
        )}
        {isOpen && (
          <Button
            size="small"
            look="quiet"
            isBusy={cancel.isPending}
            disabled={isBusy}
            aria-label={`Cancel ${plan.name}`}
            onClick={() => cancel.mutate()}
          >
            <ActionIcon name="cancel" /> Cancel
          </Button>
        )}
      </div>
      {plan.status === 'running' && total !== null && (
        <progress
          className={styles['progress']}
          max={Math.max(total, 1)}
          value={plan.outcomes.planned + plan.outcomes.content_erased}
          aria-label={`Progress of ${plan.name}`}
        />
      )}
      <p>{describeReplay(plan)}</p>
      <About plan={plan} subscribers={subscribers} />
      <p className={`${styles['small'] ?? ''} muted`}>
        <ActorName id={plan.actor} />, <RelativeTime value={plan.created_at} />
        {plan.applied_at !== null && (
          <>
            , applied <RelativeTime value={plan.applied_at} />
          </>
        )}
        {plan.finished_at !== null && (
          <>
            , ended <RelativeTime value={plan.finished_at} />
          </>
        )}
        , because: <span className="foreign">{plan.reason}</span>
      </p>
      {plan.preview !== null && (
        <Preview preview={plan.preview} isOpen={plan.status === 'proposed'} subscribers={subscribers} />
      )}
      {apply.isError && <ErrorState error={apply.error} />}
      {cancel.isError && <ErrorState error={cancel.error} />}
    </li>
  );
}

function applyWords({ is_whole, deliveries }: ReplayPreview): string {
  return `Apply: send ${is_whole ? '' : 'at least '}${formatCount(deliveries)}`;
}

function About({ plan, subscribers }: { plan: Plan; subscribers: readonly SubscriberView[] }) {
  const { endpoint_ids, from, to, report_type, report_id, types, format_version, rate_per_second } =
    shownFilter.parse(plan.filter);
  const rest = [
    report_type !== undefined && `${report_type} reports`,
    report_id !== undefined && `report ${shortId(report_id)}`,
    types?.map(shortType).join(', '),
    format_version !== undefined && `version ${format_version}`,
    rate_per_second !== undefined && `at most ${rate_per_second} a second`,
  ].filter((part) => typeof part === 'string');
  return (
    <p className={styles['small']}>
      To{' '}
      {endpoint_ids.map((id, index) => (
        <span key={id} className="foreign">
          {index > 0 && ', '}
          <Link href={subscriberHref(id)}>{hostOfId(id, subscribers)}</Link>
        </span>
      ))}
      {from !== undefined && (
        <>
          , applied since <ExactTime value={from} />
        </>
      )}
      {to !== undefined && (
        <>
          , before <ExactTime value={to} />
        </>
      )}
      {rest.length > 0 && `; ${rest.join('; ')}`}
    </p>
  );
}

function hostOfId(id: string, subscribers: readonly SubscriberView[]): string {
  const found = subscribers.find(({ endpoint_id }) => endpoint_id === id);
  return found === undefined ? id : hostOf(found.settings.url);
}

function Preview({
  preview,
  isOpen,
  subscribers,
}: {
  preview: ReplayPreview;
  isOpen: boolean;
  subscribers: readonly SubscriberView[];
}) {
  return (
    <details className={styles['preview']} open={isOpen}>
      <summary>{isOpen ? 'Preview' : 'Preview at the time of the proposal'}</summary>
      <ul className={styles['sentences']}>
        {describePreview(preview).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {preview.samples.length > 0 && (
        <table className={`table ${styles['samples'] ?? ''}`} aria-label="Samples">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">Type</th>
              <th scope="col">Report</th>
              <th scope="col">To</th>
              <th scope="col">Applied</th>
            </tr>
          </thead>
          <tbody>
            {preview.samples.map((sample) => {
              const type = reportType.safeParse(sample.report_type);
              return (
                <tr key={`${sample.event_id} ${sample.endpoint_id}`}>
                  <td>
                    <Link href={eventHref(sample.event_id)}>{shortId(sample.event_id)}</Link>
                  </td>
                  <td>{shortType(sample.type)}</td>
                  <td>
                    {type.success ? (
                      <Link href={reportHref({ report_type: type.data, report_id: sample.report_id })}>
                        {sample.report_type} {shortId(sample.report_id)}
                      </Link>
                    ) : (
                      `${sample.report_type} ${shortId(sample.report_id)}`
                    )}
                  </td>
                  <td className="foreign">{hostOfId(sample.endpoint_id, subscribers)}</td>
                  <td>
                    <RelativeTime value={sample.applied_at} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </details>
  );
}
