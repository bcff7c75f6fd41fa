import { JOB_LEASE_SECONDS, type Bed } from './bed.ts';
import type { Drill, Promised } from './drill.ts';
import { holdOpen } from './hold-open.ts';
import { SHORT_TEXT, type ModelBehaviour } from './model.ts';

const STAGE = 'final';
const JOBS = 3;

/** Fires with the sweep after the third failure, and resolves once the failures are older than 15 minutes. */
const jobsFailing: Promised = {
  rule: 'jobs_failing',
  subject: STAGE,
  withinMinutes: 2,
  resolvedWithinMinutes: 18,
  fault: ({ affected, facts }) =>
    affected === JOBS && Array.isArray(facts['job_ids']) && facts['job_ids'].length === JOBS
      ? undefined
      : `it does not name the ${JOBS} jobs`,
};

function breakModel(behaviour: ModelBehaviour): Drill['break'] {
  return ({ model }) => {
    model.behave(behaviour);
    return () => {
      model.behave(SHORT_TEXT);
    };
  };
}

async function runJobs(bed: Bed): Promise<void> {
  await bed.run(JOBS, STAGE);
}

const hasRequests = (bed: Bed, count: number) =>
  bed.until('jobs that wait for their model', () =>
    Promise.resolve(bed.model.waiting() >= count ? [true] : []),
  );

/** Kills the functions while these jobs wait for their model. Their leases then expire. */
async function loseRunners(bed: Bed, count: number): Promise<void> {
  await hasRequests(bed, count);
  await bed.killFunctions();
  await bed.until('connections to the model that are gone', () =>
    Promise.resolve(bed.model.waiting() === 0 ? [true] : []),
  );
}

const LEASE_RUNS_OUT_SECONDS = JOB_LEASE_SECONDS + 30;

export const JOB_DRILLS: readonly Drill[] = [
  {
    name: 'model-refuses',
    fault: 'the language model answers 400',
    alerts: [jobsFailing],
    break: breakModel({ kind: 'refuse', status: 400 }),
    work: runJobs,
  },
  {
    name: 'model-busy',
    fault: 'the language model answers 500, also when it is asked again',
    alerts: [jobsFailing],
    break: breakModel({ kind: 'refuse', status: 500 }),
    work: runJobs,
  },
  {
    name: 'model-hangs',
    fault: 'the language model does not answer within JOB_DEADLINE_SECONDS',
    alerts: [jobsFailing],
    break: breakModel({ kind: 'hang' }),
    work: runJobs,
  },
  {
    name: 'result-too-long',
    fault: 'the language model writes more than a webhook can carry',
    alerts: [jobsFailing],
    break: breakModel({ kind: 'write', characters: 1_000_000 }),
    work: runJobs,
  },
  {
    name: 'runner-dies-again',
    fault: 'jobs lose their runner once more than JOB_MAX_TAKE_OVERS',
    // Two leases must expire, one after the other; then as for the other failures.
    alerts: [{ ...jobsFailing, withinMinutes: 5 }],
    workUnbroken: runJobs,
    break: async (bed) => {
      bed.model.behave({ kind: 'hang' });
      await bed.request(JOBS, STAGE);
      await loseRunners(bed, JOBS);
      await bed.pass(LEASE_RUNS_OUT_SECONDS);
      await loseRunners(bed, JOBS);
      return () => {
        bed.model.behave(SHORT_TEXT);
      };
    },
  },
  {
    name: 'job-held',
    fault: 'a runner dies, and an open transaction holds the report of its job',
    alerts: [
      {
        rule: 'jobs_overdue',
        subject: '',
        withinMinutes: 6,
        // The next sweep takes the job over, the one after it notices; then a minute of good readings.
        resolvedWithinMinutes: 4,
        fault: ({ affected, facts }) =>
          affected === 1 && Array.isArray(facts['job_ids']) && facts['job_ids'].length === 1
            ? undefined
            : 'it does not name the job',
      },
    ],
    workUnbroken: async (bed) => {
      await bed.run(1, STAGE);
    },
    break: async (bed) => {
      bed.model.behave({ kind: 'hang' });
      const [job = ''] = await bed.request(1, STAGE);
      await loseRunners(bed, 1);
      bed.model.behave(SHORT_TEXT);
      return holdOpen(
        bed.editor,
        (other) => other`
          select from public.org_reports
          where id = (select report_id from private.job_runs where job_id = ${job}) for update`,
      );
    },
  },
];
