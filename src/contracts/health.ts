import { z } from 'zod';
import { ALERT_SEVERITIES } from './constants.ts';
import { deliveryBacklog } from './retry.ts';
import { timestamp } from './timestamp.ts';
import { eventId } from './webhooks.ts';

/** The body of a signed `POST /api/ping`: it goes the whole road of a webhook, and changes nothing but one row of figures. */
export const pingEnvelope = z.object({
  type: z.literal('polaris.ping'),
  timestamp,
  data: z.object({}).optional(),
});
export type PingEnvelope = z.infer<typeof pingEnvelope>;

export const pingAnswer = z.object({
  outcome: z.literal('received'),
  ping_id: eventId,
  /** The clock of the function that verified the ping. */
  function_time: timestamp,
  database_time: timestamp,
});
export type PingAnswer = z.infer<typeof pingAnswer>;

/** What the health check and the doctor look at, in the order in which they tell it. */
export const CHECKS = [
  'variables',
  'address',
  'database',
  'store',
  'migrations',
  'rights',
  'cron',
  'deliveries',
  'alerts',
  'clock',
  'connections',
  'indexes',
  'realtime',
  'accounts',
  'subscribers',
  'region',
] as const;

const finding = z.object({
  check: z.enum(CHECKS),
  /** `skipped`: it could not be looked at, and the message says why. */
  level: z.enum(['ok', 'warning', 'failed', 'skipped']),
  message: z.string(),
  /** What to do about it. */
  action: z.string().optional(),
});
export type Finding = z.infer<typeof finding>;

/** A right that somebody beside the owner has, as `supabase/sql` states it too. */
const heldRight = z.object({
  on: z.string(),
  column: z.string().nullable(),
  grantee: z.string(),
  privilege: z.string(),
});
export type HeldRight = z.infer<typeof heldRight>;

const heartbeat = z.object({
  beats: z.int(),
  /** Since the last one; null: none came yet. */
  seconds_ago: z.number().nullable(),
});

/** Answer of `deployment_facts()`. */
export const deploymentFacts = z.object({
  database_time: timestamp,
  server_version: z.string(),
  /** Versions; null: the database has no history. */
  migrations: z.array(z.string()).nullable(),
  /** `most`: what callers that are no superusers may have. */
  connections: z.object({ used: z.int(), most: z.int() }),
  heartbeats: z.object({ ping: heartbeat, sweep: heartbeat }),
  /** Indexes, and constraints to be validated, that the migrations have left to npm run upgrade. */
  unfinished: z.array(z.string()),
  /** The publication of Realtime; null: there is none. */
  realtime: z.object({ all_tables: z.boolean(), tables: z.array(z.string()) }).nullable(),
  /** Whether deleting an account takes its locks in our order: the trigger stands on `auth.users`. */
  accounts_guarded: z.boolean(),
  /** Open alerts. */
  alerts: z.object({
    firing: z.int(),
    pending: z.int(),
    /** Of those that fire. */
    worst: z.enum(ALERT_SEVERITIES).nullable(),
    /** Of those that fire, each once. */
    rules: z.array(z.string()),
    /** Deliveries of alerts that failed and are tried again. */
    undelivered: z.int(),
    /** Deliveries of alerts that were given up in the last seven days. */
    dead: z.int(),
  }),
  backlog: deliveryBacklog,
  rights: z.array(heldRight).nullable(),
});
export type DeploymentFacts = z.infer<typeof deploymentFacts>;

/** Where and what a deployment is; null: not at Vercel. */
const deployment = z.object({
  environment: z.string().nullable(),
  region: z.string().nullable(),
  commit: z.string().nullable(),
});
export type Deployment = z.infer<typeof deployment>;

/** How this process reaches SQL functions. */
const storeHealth = z.object({
  /** STORE_DATABASE_URL is set. */
  configured: z.boolean(),
  /** Which way the next call goes: `direct` by the pool, `rest` by the Data API. */
  next: z.enum(['direct', 'rest']),
  /** As whom, and by which road, the pool is connected; null: there is none, or it cannot be used now. */
  pool: z.object({ role: z.string(), road: z.string(), fastest_ms: z.number() }).nullable(),
});
export type StoreHealth = z.infer<typeof storeHealth>;

/** Answer 200 of `GET /api/health` to everybody. */
export const publicHealth = z.object({ status: z.literal('up') });

/** Answer 200 of `GET /api/health` with CRON_SECRET. */
export const fullHealth = z.object({
  status: z.enum(['up', 'down']),
  function_time: timestamp,
  deployment,
  findings: z.array(finding),
  /** Of this process alone: each instance of a function has a pool of its own. Absent: an older deployment, or faulty variables. */
  store: storeHealth.optional(),
  /** Null: the database did not answer. */
  facts: deploymentFacts.nullable(),
});
export type FullHealth = z.infer<typeof fullHealth>;
