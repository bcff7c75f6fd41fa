import type { Removable } from './bed.ts';
import type { Pair } from './pairs.ts';

/** A safeguard that can be taken out of the explorer's copy, and a pair of steps that must then go wrong. */
export interface Safeguard extends Removable {
  what: string;
  pair: Pair;
}

export const SAFEGUARDS: readonly Safeguard[] = [
  {
    name: 'skip-locked',
    what: '`skip locked` of the deliveries that deleting a report closes',
    functionName: 'private.close_report',
    text: 'for update skip locked\n  loop',
    without: 'for update\n  loop',
    pair: ['apply', 'delete-report'],
  },
  {
    name: 'fence',
    what: 'the fencing token of a delivery',
    functionName: 'private.move_delivery',
    text: 'v_is_holder := p_token = v_old.lease_token;',
    without: 'v_is_holder := p_token is not null;',
    pair: ['claim', 'record'],
  },
  {
    name: 'event-lock',
    what: 'the advisory lock of an event id',
    functionName: 'public.apply_report_event',
    text: 'perform pg_advisory_xact_lock(hashtextextended(p_event_id, 0));',
    without: 'null;',
    pair: ['receive', 'receive'],
  },
  {
    name: 'lock-order',
    what: 'the order of the locks, delivery before report',
    functionName: 'public.record_delivery_attempts',
    text: 'select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;',
    without: `perform private.lock_report(report_type, report_id) from public.webhook_deliveries where id = p_delivery_id;
  assert explore.stop('the report before the delivery');
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;`,
    pair: ['apply', 'record'],
  },
  {
    name: 'erased-event-lock',
    what: 'the lock of an event before its deliveries are ended',
    functionName: 'private.forget_event',
    text: 'where id = p_event_id for no key update nowait;',
    without: 'where id = p_event_id;',
    pair: ['prune', 'replay'],
  },
];
