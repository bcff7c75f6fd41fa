import { formatCount, plural } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import type { Plan, ReplayFilter, ReplayPreview } from '../../../contracts/plans.ts';

const KB = 1024;

/** Bytes as people read them: `900 bytes`, `12 KB`, `3.4 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < KB) return plural(bytes, 'byte');
  if (bytes < KB * KB) return `${formatCount(Math.round(bytes / KB))} KB`;
  const mb = bytes / (KB * KB);
  return `${mb < 10 ? mb.toFixed(1) : formatCount(Math.round(mb))} MB`;
}

/** Seconds as people plan with them: `40 s`, `3 min`, `2 h 10 min`. */
export function formatExpected(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${formatCount(Math.floor(minutes / 60))} h${rest === 0 ? '' : ` ${rest} min`}`;
}

/** What a replay would do, a sentence each. */
export function describePreview(preview: ReplayPreview): string[] {
  const { is_whole, events, deliveries, bytes, expected_seconds, confirmed, erased } = preview;
  const atLeast = is_whole ? '' : 'at least ';
  if (deliveries === 0 && erased === 0) return ['No event matches: nothing would be sent.'];
  return [
    `Sends ${atLeast}${plural(events, 'event')} in ${atLeast}${plural(deliveries, 'delivery', 'deliveries')}, ${atLeast}${formatBytes(bytes)}, in about ${formatExpected(expected_seconds)}.`,
    confirmed === 0
      ? 'None of them is confirmed yet.'
      : `${formatCount(confirmed)} of them ${confirmed === 1 ? 'is' : 'are'} confirmed already and would be sent again.`,
    ...(erased === 0
      ? []
      : [
          `${plural(erased, 'event')} ${erased === 1 ? 'is' : 'are'} not sent: ${erased === 1 ? 'its' : 'their'} content is erased.`,
        ]),
    ...(is_whole ? [] : ['Only the first 20,000 events were counted.']),
  ];
}

/** How far a replay is. */
export function describeReplay({ status, total, preview, outcomes, last_error, cancelled_by }: Plan): string {
  const { planned, content_erased, held, error } = outcomes;
  if (status === 'proposed') return 'Proposed: nothing is sent until the plan is applied.';
  const of = total ?? preview?.deliveries;
  const parts = [
    `${formatCount(planned)}${of === undefined ? '' : ` of ${preview?.is_whole === false ? 'at least ' : ''}${formatCount(of)}`} made due`,
    content_erased > 0 && `${formatCount(content_erased)} left out: content erased`,
    held > 0 && `${formatCount(held)} held by another process`,
    error > 0 && `${formatCount(error)} failed`,
    status === 'cancelled' && cancelled_by !== null && 'unsent deliveries are cancelled',
    last_error !== null &&
      (status === 'failed' ? `failed: ${last_error}` : `the last step failed: ${last_error}`),
  ];
  return `${parts.filter((part) => typeof part === 'string').join('; ')}.`;
}

/** Its proposed name. */
export function nameOfReplay(
  hosts: readonly string[],
  { report_type, types }: Partial<ReplayFilter>,
): string {
  const what = [report_type && labelOf(report_type), types && plural(types.length, 'type')].filter(Boolean);
  const whom = hosts.length > 2 ? plural(hosts.length, 'subscriber') : hosts.join(', ');
  return `Replay to ${whom}${what.length === 0 ? '' : `: ${what.join(', ')}`}`.slice(0, 200);
}
