import type postgres from 'postgres';
import type { SessionName } from './bed.ts';
import type { Scene } from './scene.ts';

export const STEP_NAMES = [
  'claim',
  'apply',
  'receive',
  'batch',
  'record',
  'complete',
  'redrive',
  'delete-report',
  'cancel',
  'prune',
  'erase',
  'edit',
  'write',
  'first-touch',
  'import',
  'fan-out',
  'pause',
  'replay',
  'delete-account',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** What one session does. */
interface Step {
  role: 'service_role' | 'authenticated' | 'supabase_auth_admin';
  /** One statement, whose rows have a column `answer`. */
  call(scene: Scene, session: SessionName): string;
  /** The outcomes that it may answer, where it answers one. */
  outcomes?: readonly string[];
  /** What is wrong with an answer that has no outcome. */
  judge?(answer: unknown): string[];
  /** What must hold of its answer once both steps have ended. */
  check?(sql: postgres.Sql, answer: unknown, scene: Scene): Promise<string[]>;
  /** It skips what others have locked, or gives up after a lock time-out of milliseconds. */
  waitsForNothing?: true;
  /** Parts of it have such a time-out. Others wait: to ask for an erasure waits for whoever asks for the same one. */
  hasShortTimeouts?: true;
}

const FAILED = '[{"status": 500, "authentic": false, "duration_ms": 5}]';
const APPLIED = ['applied', 'superseded', 'duplicate', 'report_not_found'] as const;

/** A text as SQL writes it. */
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
const sha256 = text('0'.repeat(64));

const writeOf = (reportId: string) =>
  `update public.org_reports set research_report = 'written', research_status = 'completed'
   where id = ${text(reportId)} returning id as answer`;

/** Each with the role that calls it behind the REST API. */
export const STEPS: Readonly<Record<StepName, Step>> = {
  claim: {
    role: 'service_role',
    call: ({ claimIds }, session) =>
      `select public.claim_due_deliveries(10, 10, 3600, ${text(claimIds[session])}) as answer`,
    judge: (answer) => errorsIn(answer, 'left_out'),
    waitsForNothing: true,
    check: holdsItsClaims,
  },
  apply: {
    role: 'service_role',
    call: ({ held }) =>
      `select public.apply_report_event(${text(held.event_id)}, 'webhook', ${text(held.body)}, 'prelim-report', ${sha256}) as answer`,
    outcomes: APPLIED,
  },
  receive: {
    role: 'service_role',
    call: ({ unknown }) =>
      `select public.apply_report_event(${text(unknown.id)}, 'webhook', ${text(unknown.body)}, 'prelim-report', ${sha256}) as answer`,
    // Copies of one event wait for each other: none is told to come back.
    outcomes: APPLIED,
  },
  batch: {
    role: 'service_role',
    // The last two are applied together. Two batches have them in opposite order.
    call: ({ held, unknown, besides }, session) => {
      const events = [{ id: held.event_id, body: held.body }, unknown, besides];
      const items = (session === 'first' ? events : events.reverse()).map(({ id, body }) => ({
        body,
        record: {
          event_id: id,
          endpoint: 'batch',
          endpoint_id: 'prelim-report',
          method: 'POST',
          elapsed_ms: 1,
        },
      }));
      return `select public.apply_report_events(${text(JSON.stringify(items))}) as answer`;
    },
    judge: (answer) =>
      members(answer, 'answers').flatMap((item) => outsideOf([...APPLIED, 'busy'], outcomeOf(item))),
    waitsForNothing: true,
  },
  record: {
    role: 'service_role',
    call: ({ held }) =>
      `select public.record_delivery_attempts(${held.delivery_id}, ${held.delivery_token}, 'failed', ${text(FAILED)}) as answer`,
  },
  complete: {
    role: 'service_role',
    call: ({ job }) =>
      `select public.complete_report_job(${text(job.id)}, 'completed', 3600, ${job.token}, 'the text of a job') as answer`,
    outcomes: ['completed', 'repeated', 'job_cancelled', 'report_not_found', 'job_not_found'],
  },
  redrive: {
    role: 'service_role',
    call: ({ claimIds }, session) =>
      `select public.redrive_deliveries('{}', 'tester', 100, ${text(claimIds[session])}) as answer`,
  },
  'delete-report': {
    role: 'authenticated',
    call: ({ reportId, legacyId }) =>
      `delete from public.org_reports where id in (${text(reportId)}, ${text(legacyId)}) returning id as answer`,
  },
  cancel: {
    role: 'service_role',
    call: ({ job }) => `select public.cancel_report_job(${text(job.id)}, 'pipeline') as answer`,
  },
  prune: {
    role: 'service_role',
    call: () => 'select public.prune_expired(90, 30, 60, 100) as answer',
    waitsForNothing: true,
  },
  erase: {
    role: 'service_role',
    call: ({ userId }) => `select public.erase_user(${text(userId)}, 100) as answer`,
    judge: (answer) =>
      members(answer, 'errors').map((error) => `an error of the erasure: ${JSON.stringify(error)}`),
    hasShortTimeouts: true,
  },
  edit: {
    role: 'authenticated',
    call: ({ reportId, legacyId }) =>
      `update public.org_reports set research_report = 'edited' where id in (${text(reportId)}, ${text(legacyId)}) returning id as answer`,
  },
  write: {
    role: 'service_role',
    call: ({ reportId }) => writeOf(reportId),
  },
  'first-touch': {
    role: 'service_role',
    call: ({ legacyId }) => writeOf(legacyId),
  },
  import: {
    role: 'service_role',
    call: () => 'select public.import_reports(100) as answer',
    waitsForNothing: true,
  },
  'fan-out': {
    role: 'service_role',
    call: ({ outwardEventId, claimIds }, session) =>
      `select jsonb_build_object('deliveries',
         public.claim_event_deliveries(${text(outwardEventId)}, 3600, ${text(claimIds[session])}, 100)) as answer`,
    check: holdsItsClaims,
    waitsForNothing: true,
  },
  pause: {
    role: 'service_role',
    call: ({ endpointId }) =>
      `select public.move_endpoint(${text(endpointId)}, 'paused', 'tester') as answer`,
    outcomes: ['moved'],
  },
  replay: {
    role: 'service_role',
    call: () => 'select public.work_plan(100) as answer',
    judge: (answer) => outsideOf(['undefined'], String(member(answer, 'error'))),
  },
  'delete-account': {
    role: 'supabase_auth_admin',
    call: ({ userId }) => `delete from auth.users where id = ${text(userId)} returning id as answer`,
  },
};

export function outcomeOf(answer: unknown): string {
  return String(member(answer, 'outcome'));
}

function member(answer: unknown, name: string): unknown {
  return typeof answer === 'object' && answer !== null && name in answer
    ? // Asked for in the line before.
      (answer as Record<string, unknown>)[name]
    : undefined;
}

function members(answer: unknown, name: string): unknown[] {
  const value = member(answer, name);
  return Array.isArray(value) ? value : [];
}

export function outsideOf(allowed: readonly string[], value: string): string[] {
  return allowed.includes(value) ? [] : [`an answer that it must not give: ${value}`];
}

function errorsIn(answer: unknown, name: string): string[] {
  return members(answer, name)
    .filter((item) => member(item, 'left_out') === 'error')
    .map((item) => `an error: ${JSON.stringify(item)}`);
}

/** Whoever claimed a delivery holds it under its token, unless its report went away or its proof of arrival came. */
async function holdsItsClaims(sql: postgres.Sql, answer: unknown): Promise<string[]> {
  const problems: string[] = [];
  for (const claimed of members(answer, 'deliveries')) {
    const [row] = await sql<{ status: string; token: number; is_over: boolean }[]>`
      select status, lease_token::int as token,
        status in ('success', 'superseded', 'cancelled') or private.is_closed(dead_reason) is true as is_over
      from public.webhook_deliveries where id = ${Number(member(claimed, 'delivery_id'))}`;
    const token = Number(member(claimed, 'delivery_token'));
    if (row !== undefined && !row.is_over && (row.status !== 'retrying' || row.token !== token)) {
      problems.push(
        `delivery ${String(member(claimed, 'delivery_id'))} was claimed under token ${token}, and is ${row.status} under ${row.token}`,
      );
    }
  }
  return problems;
}
