import { plural } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { CLOSED_DEAD_REASONS } from '../../../contracts/constants.ts';
import type { EventSummary } from '../../../contracts/console-audit.ts';
import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import type { HistoryJob, ReportHistory } from '../../../contracts/console-report-history.ts';
import { trimEndOf } from '../../../contracts/trim-end.ts';
import type { Tone } from '../../ui/verdict-box.tsx';
import { SWEEP_MS, type Part } from '../../lib/verdict.ts';

const WORST: readonly Tone[] = ['bad', 'warn', 'idle', 'good'];

interface ReportVerdict {
  tone: Tone;
  sentences: Part[][];
}

interface Finding {
  tone: Tone;
  /** Without the full stop. */
  parts: Part[];
  /** Nothing goes on without a sweep. */
  needsSweep?: boolean;
}

/** Whether the report has its result; if not, why; and what happens next. For operators. */
export function verdictOfReport(history: ReportHistory): ReportVerdict {
  const { report, jobs, events } = history;
  if (report === null) return deleted(events);
  const winner = events.find(({ id }) => id === report.winner_event_id);
  const [job] = jobs;
  if (report.stage === null && job === undefined && events.length === 0) {
    return {
      tone: 'warn',
      sentences: [['No result: no job was ever requested for this report.'], ['Its owner can start one.']],
    };
  }
  const isStored = report.stage !== null;
  const aboutJob = job === undefined ? undefined : findingOfJob(job, isStored);
  const findings: Finding[] = [
    ...(isStored ? [stored(report.stage, winner)] : []),
    ...(!isStored && aboutJob === undefined
      ? [{ tone: 'warn' as const, parts: ['The report has no text, and no request explains it'] }]
      : []),
    ...(isStored ? findingsOfDeliveries(history, winner) : []),
    ...(aboutJob === undefined
      ? []
      : [isStored ? aboutJob : { ...aboutJob, parts: ['No result: ', ...aboutJob.parts] }]),
    ...(isStored ? [] : findingsOfDeliveries(history, winner)),
  ];
  if (findings.some(({ needsSweep }) => needsSweep === true)) findings.push(...missingSweep(history));
  return {
    tone: WORST.find((tone) => findings.some((each) => each.tone === tone)) ?? 'good',
    sentences: findings.map(({ parts }) => sentence(parts)),
  };
}

function deleted(events: readonly EventSummary[]): ReportVerdict {
  const event = events.find(({ type }) => type === 'report.deleted');
  const when: Part[] = event === undefined ? [] : [' ', { at: event.created_at }];
  return {
    tone: 'idle',
    sentences: [sentence(['This report was deleted', ...when]), ['Its history stays.']],
  };
}

function stored(stage: string | null, winner: EventSummary | undefined): Finding {
  const noun = stage ?? '';
  if (winner !== undefined && winner.erased_at !== null) {
    return { tone: 'idle', parts: [`The ${noun} text was erased `, { at: winner.erased_at }] };
  }
  switch (winner?.channel) {
    case 'owner':
      return { tone: 'good', parts: [`The ${noun} text is stored, as its owner wrote it`] };
    case 'platform':
      return { tone: 'good', parts: [`The ${noun} text is stored, as the platform’s own servers wrote it`] };
    case 'direct':
      return { tone: 'good', parts: [`The ${noun} result is stored, by direct update`] };
    case 'webhook':
    case 'import':
    case null:
    case undefined:
      return { tone: 'good', parts: [`The ${noun} result is stored`] };
  }
}

/** Undefined: there is nothing to say of it beyond that the result is stored. */
function findingOfJob(job: HistoryJob, isStored: boolean): Finding | undefined {
  const { state, generate, percent, created_at, started_at, completed_at, lease_expires_at, deadline } = job;
  const name = job.stage === null ? 'the job' : `the ${job.stage} job`;
  switch (state) {
    case 'running':
      // Short jobs never report progress: that it has not does not say that nobody runs it.
      if (started_at === null) {
        return {
          tone: 'idle',
          parts: [`${name} was requested `, { at: created_at }, ' and has not reported progress yet'],
        };
      }
      return {
        tone: 'idle',
        parts: [`${name} is running (${percent ?? 0} %); it started `, { at: started_at }],
      };
    case 'waiting':
      return {
        tone: 'idle',
        parts: [`${name} waits for the pipeline to send the result; the deadline is `, { at: deadline }],
      };
    case 'overdue':
      if (!generate) {
        return {
          tone: 'bad',
          parts: ['the pipeline did not send the result in time; the next sweep ends ', name],
          needsSweep: true,
        };
      }
      return {
        tone: 'bad',
        parts: [
          `the runner of ${name} died${started_at === null ? ' before it reported progress' : ''}`,
          ...(lease_expires_at === null ? [] : ['; its lease ended ', { at: lease_expires_at }]),
          '; the next sweep takes it over',
        ],
        needsSweep: true,
      };
    case 'failed':
      return {
        tone: 'bad',
        parts: [
          `${name} failed`,
          ...timeOf(completed_at),
          ': ',
          trimEndOf(job.error ?? 'its error was erased', '. \t\r\n'),
        ],
      };
    case 'cancelled':
      return { tone: isStored ? 'good' : 'warn', parts: [`${name} was cancelled`, ...timeOf(completed_at)] };
    case 'succeeded':
      if (isStored) return undefined;
      return {
        tone: 'warn',
        parts: [`${name} succeeded`, ...timeOf(completed_at), ', and its result is not in the report yet'],
      };
  }
}

function timeOf(at: string | null): Part[] {
  return at === null ? [] : [' ', { at }];
}

/** The delivery that is not confirmed, else that of the result; and how many more are not. */
function findingsOfDeliveries(history: ReportHistory, winner: EventSummary | undefined): Finding[] {
  const { report, deliveries, events } = history;
  const open = deliveries.filter(isOpen);
  const delivery = open[0] ?? deliveries.find(({ event_id }) => event_id === winner?.id) ?? deliveries[0];
  // Of what is missing, that it was told is no news.
  if (delivery === undefined || (report?.stage == null && delivery.status === 'success')) return [];
  const event = events.find(({ id }) => id === delivery.event_id);
  const subject =
    event?.status === 'failed'
      ? 'The delivery of that failure'
      : event === undefined || event.id === winner?.id || winner === undefined
        ? 'Its delivery'
        : event.effect === 'superseded'
          ? 'The delivery of a superseded result'
          : `The delivery of the ${delivery.stage} result`;
  const more = open.length - 1;
  return [
    findingOfDelivery(subject, delivery, history),
    ...(more > 0
      ? [
          {
            tone: 'warn' as const,
            parts: [
              more === 1 ? '1 more delivery is not confirmed' : `${more} more deliveries are not confirmed`,
            ],
          },
        ]
      : []),
  ];
}

function isOpen({ status, dead_reason }: OpenDelivery): boolean {
  return status !== 'success' && (dead_reason === null || !CLOSED_DEAD_REASONS.has(dead_reason));
}

function findingOfDelivery(
  subject: string,
  delivery: OpenDelivery,
  { circuits, as_of }: ReportHistory,
): Finding {
  const { endpoint_id, status, attempts, last_attempt, next_attempt, dead_at, dead_reason } = delivery;
  if (status === 'success') return { tone: 'good', parts: [`${subject} succeeded`, ...timeOf(last_attempt)] };
  if (dead_at !== null) {
    if (dead_reason === 'import') {
      return { tone: 'bad', parts: [`${subject} failed for good at the import: request the report again`] };
    }
    if (dead_reason !== null && CLOSED_DEAD_REASONS.has(dead_reason)) {
      return { tone: 'good', parts: [`${subject} was closed: ${labelOf(dead_reason).toLowerCase()}`] };
    }
    return {
      tone: 'bad',
      parts: [
        `${subject} became a dead letter `,
        { at: dead_at },
        `: it failed ${faultOf(delivery)}; fix the cause, then redrive`,
      ],
    };
  }
  const circuit = circuits.find((each) => each.endpoint_id === endpoint_id);
  if (circuit !== undefined) {
    const isOver = circuit.probe_after === null || Date.parse(circuit.probe_after) <= Date.parse(as_of);
    return {
      tone: 'bad',
      parts: [
        attempts === 0 ? `${subject} waits` : `${subject} failed ${faultOf(delivery)}, and waits`,
        `: the circuit of ${endpoint_id} opened `,
        { at: circuit.opened_at },
        ...(circuit.probe_after === null || isOver
          ? ['; the next delivery probes it']
          : ['; the next probe is ', { at: circuit.probe_after }]),
      ],
      needsSweep: true,
    };
  }
  const next: Part[] =
    next_attempt === null
      ? []
      : Date.parse(next_attempt) <= Date.parse(as_of)
        ? ['; the next sweep sends it']
        : ['; next attempt ', { at: next_attempt }];
  switch (status) {
    case 'retrying':
      return { tone: 'warn', parts: [`${subject} is being retried now`], needsSweep: true };
    case 'sent':
      return {
        tone: 'warn',
        parts: [`${subject} was attempted`, ...timeOf(last_attempt), ', and the outcome is unknown', ...next],
        needsSweep: true,
      };
    case 'failed':
      return { tone: 'warn', parts: [`${subject} failed ${faultOf(delivery)}`, ...next], needsSweep: true };
    case 'pending':
      return { tone: 'idle', parts: [`${subject} is pending`, ...next], needsSweep: true };
    // Both are of subscribers alone.
    case 'superseded':
    case 'cancelled':
      return { tone: 'idle', parts: [`${subject} was ${status}`] };
  }
}

/** `4 times with 502`. */
function faultOf({ attempts, response_status, error }: OpenDelivery): string {
  const times = plural(attempts, 'time');
  if (response_status !== null) return `${times} with ${response_status}`;
  return error === null ? times : `${times} (${error})`;
}

function missingSweep({ last_sweep, as_of }: ReportHistory): Finding[] {
  if (last_sweep === null)
    return [{ tone: 'bad', parts: ['No sweep has run yet: the cron does not call the sweep'] }];
  if (Date.parse(as_of) - Date.parse(last_sweep) < SWEEP_MS) return [];
  return [
    { tone: 'bad', parts: ['The last sweep ran ', { at: last_sweep }, ': the cron does not call the sweep'] },
  ];
}

/** With a capital and a full stop. */
function sentence(parts: readonly Part[]): Part[] {
  const [first, ...rest] = parts;
  const start = typeof first === 'string' ? [first.charAt(0).toUpperCase() + first.slice(1)] : [];
  return [...start, ...rest, '.'];
}
