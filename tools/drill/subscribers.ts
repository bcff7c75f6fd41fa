import { randomBytes, randomUUID } from 'node:crypto';
import {
  mintReadToken,
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { ACCEPTS, type Bed } from './bed.ts';
import type { Drill } from './drill.ts';

const SUBSCRIBER = 'ep-drilldrilldrill0';
const HOUR_MINUTES = 60;
const SIX_HOURS = 6 * 3_600;

/** Creates the subscription to all events, unless it exists. */
async function subscribe({ admin, subscriber, endpointSecretsKey }: Bed): Promise<void> {
  const keys = parseEndpointKeys(endpointSecretsKey);
  const settings = {
    url: `${subscriber.url}/polaris`,
    description: 'Drill',
    events: {},
    filter: null,
    format_version: 2,
    body: 'full',
    mode: 'every',
    rate_per_second: null,
  };
  const [known] = await admin`select from private.subscribers where endpoint_id = ${SUBSCRIBER}`;
  if (known !== undefined) return;
  await admin`
    select public.create_endpoint(
      p_request_id => ${randomUUID()}, p_settings => ${admin.json(settings)}, p_endpoint_id => ${SUBSCRIBER},
      p_sealed_secret => ${sealSecret(keys, SUBSCRIBER, mintSecret())}, p_read_token_sha256 => ${mintReadToken().sha256},
      p_actor => 'drill')`;
  await admin`
    select public.record_endpoint_check(
      (public.begin_endpoint_check(${SUBSCRIBER}, '127.0.0.1', 'drill') ->> 'check_id')::bigint, true, '[]')`;
}

export const SUBSCRIBER_DRILLS: readonly Drill[] = [
  {
    name: 'subscriber-down',
    fault: "somebody else's endpoint answers 500 for days",
    alerts: [
      {
        rule: 'subscriber_failing',
        subject: SUBSCRIBER,
        // Three days, plus two sweeps, which are six hours apart in this drill.
        withinMinutes: (72 + 12) * HOUR_MINUTES,
        resolvedWithinMinutes: 24 * HOUR_MINUTES,
        fault: ({ facts }) =>
          typeof facts['paused_at'] === 'string' ? undefined : 'it does not say when it will be paused',
      },
    ],
    // Deliveries that use up their retries meanwhile.
    also: ['dead_letters'],
    stepSeconds: SIX_HOURS,
    prepare: subscribe,
    work: async (bed) => {
      await bed.run(1, 'final');
    },
    break: async (bed) => {
      await bed.subscriber.behave({ kind: 'answer', status: 500 }, '/');
      return async () => {
        await bed.subscriber.behave(ACCEPTS, '/');
        await bed.run(1, 'final');
      };
    },
  },
  {
    name: 'subscriber-key-lost',
    fault: 'the secret of a subscriber was sealed by a key that nobody has any more',
    alerts: [
      {
        rule: 'subscriber_paused',
        subject: SUBSCRIBER,
        withinMinutes: 2,
        resolvedWithinMinutes: 3,
        fault: ({ facts }) =>
          facts['reason'] === 'secret_unreadable' ? undefined : 'the reason is secret_unreadable',
      },
    ],
    prepare: subscribe,
    work: async (bed) => {
      await bed.run(1, 'final');
    },
    break: async ({ admin }) => {
      const [secret] = await admin<{ id: string; sealed: string }[]>`
        select id, sealed from private.endpoint_secrets where endpoint_id = ${SUBSCRIBER}`;
      if (secret === undefined) throw new Error('the subscriber has no secret');
      const lost = sealSecret([{ id: 'lost', key: randomBytes(32) }], SUBSCRIBER, mintSecret());
      const put = (sealed: string) =>
        admin`update private.endpoint_secrets set sealed = ${sealed} where id = ${secret.id}`;
      await put(lost);
      return async () => {
        await put(secret.sealed);
        await admin`select public.move_endpoint(${SUBSCRIBER}, 'active', 'drill')`;
      };
    },
  },
];
