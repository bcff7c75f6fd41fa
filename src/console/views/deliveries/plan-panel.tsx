import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { plansQuery } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { ActionIcon } from '../../ui/action-icon.tsx';
import { useRowKeys, type RowKeys } from '../../ui/use-row-keys.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { PLAN_KINDS, type Plan } from '../../../contracts/plans.ts';
import { cancelPlan, getPlans } from '../../../services/plans.ts';
import { ActorName } from '../../ui/actor-name.tsx';
import { Button } from '../../ui/button.tsx';
import { ExportButtons } from '../../ui/export-buttons.tsx';
import { formatCount } from '../../lib/format.ts';
import { MoreButton } from '../../ui/more-button.tsx';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import styles from './deliveries.module.css';

/** What people asked for, and how far it is. It goes on whoever looks. */
export function PlanPanel() {
  const { supabase } = useSession();
  const list = useInfiniteQuery(plansQuery(supabase));
  const plans = list.data?.pages.flatMap(({ rows }) => rows) ?? [];
  const keys = useRowKeys(plans.map(({ id }) => id));
  if (plans.length === 0) {
    return list.isError ? <ErrorState error={list.error} onRetry={() => void list.refetch()} /> : null;
  }
  return (
    <Panel
      title="Plans"
      actions={
        <ExportButtons
          name="plans"
          list={() => (request) => getPlans(supabase, { ...request, kinds: [...PLAN_KINDS] })}
        />
      }
    >
      <ul className={styles['plans']} aria-label="Plans" {...keys.list}>
        {plans.map((plan) => (
          <PlanItem key={plan.id} plan={plan} row={keys.row(plan.id)} />
        ))}
      </ul>
      <MoreButton query={list} />
    </Panel>
  );
}

function PlanItem({ plan, row }: { plan: Plan; row: RowKeys }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => unwrap(cancelPlan(supabase, plan.id)),
    onSettled: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });
  const { redriven, brought_forward, planned, changed } = plan.outcomes;
  return (
    <li className={styles['plan']} aria-label={plan.name} {...row}>
      <div className={styles['planHead']}>
        <strong className="foreign">{plan.name}</strong>
        <StatusBadge status={plan.status} />
        {plan.status === 'running' && (
          <Button
            size="small"
            look="quiet"
            isBusy={cancel.isPending}
            aria-label={`Cancel ${plan.name}`}
            onClick={() => cancel.mutate()}
          >
            <ActionIcon name="cancel" /> Cancel
          </Button>
        )}
      </div>
      {plan.status === 'running' && plan.total !== null && (
        <progress
          className={styles['progress']}
          max={Math.max(plan.total, 1)}
          value={redriven + brought_forward + planned + changed}
          aria-label={`Progress of ${plan.name}`}
        />
      )}
      <p className={styles['summary']}>{describePlan(plan)}</p>
      <p className={`${styles['planWhy'] ?? ''} muted`}>
        <ActorName id={plan.actor} />, <RelativeTime value={plan.created_at} />, because:{' '}
        <span className="foreign">{plan.reason}</span>
      </p>
      {cancel.isError && <ErrorState error={cancel.error} />}
    </li>
  );
}

const DONE: Record<Plan['kind'], string> = {
  redrive: 'redriven',
  retry: 'made due',
  replay: 'sent again',
  start: 'sent from the time before its start',
};

/** How far a plan is, and what it left. */
export function describePlan({ kind, status, total, outcomes, last_error }: Plan): string {
  if (status === 'proposed') return 'Proposed: nothing is sent until the plan is applied.';
  const { redriven, brought_forward, planned, changed, held, error } = outcomes;
  const due = redriven + brought_forward + planned;
  const isRunning = status === 'running';
  const parts = [
    `${formatCount(due)}${total === null ? '' : ` of ${formatCount(total)}`} ${DONE[kind]}`,
    changed > 0 &&
      `${formatCount(changed)} ${kind === 'retry' ? 'had already been sent' : 'had already been redriven'}`,
    held > 0 && `${formatCount(held)} held by another process${isRunning ? ', retried within a minute' : ''}`,
    error > 0 && `${formatCount(error)} failed${isRunning ? ', retried within a minute' : ''}`,
    status === 'failed' && `failed: ${last_error ?? 'unknown reason'}`,
    isRunning && last_error !== null && `the last step failed: ${last_error}`,
  ];
  return `${parts.filter((part) => typeof part === 'string').join('; ')}.`;
}
