import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import { RelativeTime } from './relative-time.tsx';

const CHANNELS = {
  webhook: 'by the webhook',
  direct: 'by direct update',
  owner: 'by its owner',
  platform: 'by the platform’s own servers',
  import: 'by the import',
} as const;

/** When it comes next, and where its result is meanwhile. */
export function NextAttempt({ delivery }: { delivery: OpenDelivery }) {
  const { next_attempt, dead_at, status, channel, effect } = delivery;
  return (
    <>
      <span className="nowrap">
        {dead_at !== null ? (
          <>
            none: dead letter <RelativeTime value={dead_at} />
          </>
        ) : status === 'retrying' ? (
          'under way'
        ) : next_attempt === null ? (
          'none scheduled'
        ) : (
          <>
            due <RelativeTime value={next_attempt} />
          </>
        )}
      </span>
      <span className="muted">
        {effect === null && 'result not applied yet'}
        {effect === 'applied' && `result stored${channel === null ? '' : ` ${CHANNELS[channel]}`}`}
        {effect === 'superseded' && 'a newer result is stored'}
      </span>
    </>
  );
}
