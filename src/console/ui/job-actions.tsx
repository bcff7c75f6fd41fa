import { useMutation, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Button } from './button.tsx';
import { labelOf } from '../lib/label-of.ts';
import type { OperatorJob } from '../../contracts/console-jobs.ts';
import { explain } from '../lib/errors.ts';
import { OPERATOR_KEY } from '../lib/operator-queries.ts';
import { useSession } from '../lib/session.ts';
import { notify } from '../lib/toasts.ts';
import { ActionIcon } from './action-icon.tsx';
import { shortId } from '../lib/short-id.ts';
import { cancelJob, hasNotEnded, repeatJob, type JobAction } from '../lib/job-actions.ts';

/** Dialogs are large: they come when one is opened. */
const ConfirmDialog = lazy(async () => ({
  default: (await import('./confirm-dialog.tsx')).ConfirmDialog,
}));

/** What can be done with a job: both are asked once more, and audited with who did it. */
export function JobActions({ job }: { job: Pick<OperatorJob, 'job_id' | 'state' | 'stage' | 'can_repeat'> }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [asked, setAsked] = useState<JobAction | null>(null);
  const act = useMutation({
    mutationFn: ({ run }: JobAction) => run(supabase, job.job_id),
    onSuccess: (told) => notify(told),
    onError: (error) => {
      const { title, advice, detail } = explain(error);
      notify({ kind: 'error', title, text: detail ?? advice });
    },
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: OPERATOR_KEY }),
        client.invalidateQueries({ queryKey: ['report'] }),
      ]),
  });
  const name = `${labelOf(job.stage ?? 'job')} job ${shortId(job.job_id)}`;
  return (
    <>
      {hasNotEnded(job) && (
        <Button
          size="small"
          look="quiet"
          isBusy={act.isPending}
          aria-label={`Cancel ${name}`}
          onClick={() => setAsked(cancelJob)}
        >
          <ActionIcon name="cancel" /> Cancel
        </Button>
      )}
      {job.can_repeat && (
        <Button
          size="small"
          look="quiet"
          isBusy={act.isPending}
          aria-label={`Run again: ${name}`}
          onClick={() => setAsked(repeatJob)}
        >
          <ActionIcon name="retry" /> Run again
        </Button>
      )}
      {asked !== null && (
        <Suspense>
          <ConfirmDialog
            {...asked.words}
            onConfirm={() => act.mutate(asked)}
            onClose={() => setAsked(null)}
          />
        </Suspense>
      )}
    </>
  );
}
