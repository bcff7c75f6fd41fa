import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { reportKey } from './queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import type { Stage } from '../../../contracts/webhooks.ts';
import { startReportJob } from '../../../services/report-jobs.ts';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { ErrorState } from '../../ui/states.tsx';
import styles from './start-job.module.css';

const DEFAULT_PROMPT = 'Write the needs analysis for this intake.';

/** Starts a job for one of the person's own reports. */
export function StartJob({
  report,
  initialPrompt = DEFAULT_PROMPT,
  hasFinal,
}: {
  report: ReportRef;
  initialPrompt: string | undefined;
  hasFinal: boolean;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [prompt, setPrompt] = useState(initialPrompt);
  // Stays until an answer came: pressing again after a lost connection starts nothing twice.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const start = useMutation({
    mutationFn: (stage: Stage) =>
      unwrap(startReportJob(supabase, { ...report, prompt, stage }, `${stage}-${key}`)),
    onSuccess: (_job, stage) => {
      setKey(crypto.randomUUID());
      notify({ kind: 'success', title: `The ${stage} job has started` });
      return client.invalidateQueries({ queryKey: reportKey(report) });
    },
  });
  const isEmpty = prompt.trim() === '';
  return (
    <div className={styles['form']}>
      <Field label="Instructions" error={isEmpty ? 'Describe the report.' : undefined}>
        {(control) => (
          <textarea
            {...control}
            rows={2}
            dir="auto"
            value={prompt}
            onChange={(event) => setPrompt(event.target.value)}
          />
        )}
      </Field>
      {start.isError && <ErrorState error={start.error} />}
      <div className={styles['buttons']}>
        {!hasFinal && (
          <Button
            look="primary"
            disabled={isEmpty || start.isPending}
            isBusy={start.isPending && start.variables === 'prelim'}
            onClick={() => start.mutate('prelim')}
          >
            Start prelim job
          </Button>
        )}
        <Button
          look={hasFinal ? 'primary' : 'plain'}
          disabled={isEmpty || start.isPending}
          isBusy={start.isPending && start.variables === 'final'}
          onClick={() => start.mutate('final')}
        >
          Start final job
        </Button>
      </div>
    </div>
  );
}
