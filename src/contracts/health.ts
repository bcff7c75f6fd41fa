import { z } from 'zod';
import { ALERT_SEVERITIES } from './constants.ts';
import { deliveryBacklog } from './retry.ts';
import { timestamp } from './timestamp.ts';
import { eventId } from './webhooks.ts';

/** The body of a signed `POST /api/ping`. It takes the whole path of a webhook, but changes only one row of figures. */
export const pingEnvelope = z.object({
  type: z.literal('polaris.ping'),
  timestamp,
  data: z.object({}).optional(),
});
export type PingEnvelope = z.infer<typeof pingEnvelope>;

export const pingAnswer = z.object({
  outcome: z.literal('received'),
  ping_id: eventId,
  /** Time by the clock of the function that verified the ping. */
  function_time: timestamp,
  database_time: timestamp,
});
export type PingAnswer = z.infer<typeof pingAnswer>;

/** The checks of the health check and the doctor, in the order of their output. */
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
  /** `skipped`: could not be checked; the message says why. */
  level: z.enum(['ok', 'warning', 'failed', 'skipped']),
  message: z.string(),
  /** What to do about it. */
  action: z.string().optional(),
});
export type Finding = z.infer<typeof finding>;

/** A right of a role other than the owner, in the same form as in `supabase/sql`. */
const heldRight = z.object({
  on: z.string(),
  column: z.string().nullable(),
  grantee: z.string(),
  privilege: z.string(),
});
export type HeldRight = z.infer<typeof heldRight>;

const heartbeat = z.object({
  beats: z.int(),
  /** Since the last sweep; null: none yet. */
  seconds_ago: z.number().nullable(),
});

/** Answer of `deployment_facts()`. */
export const deploymentFacts = z.object({
  database_time: timestamp,
  server_version: z.string(),
  /** Applied versions; null: the database has no history of migrations. */
  migrations: z.array(z.string()).nullable(),
  /** `most`: connections available to roles that are not superusers. */
  connections: z.object({ used: z.int(), most: z.int() }),
  heartbeats: z.object({ ping: heartbeat, sweep: heartbeat }),
  /** Indexes, and constraints to be validated, that migrations leave to npm run upgrade. */
  unfinished: z.array(z.string()),
  /** Realtime's publication; null: there is none. */
  realtime: z.object({ all_tables: z.boolean(), tables: z.array(z.string()) }).nullable(),
  /** Whether the trigger on `auth.users` exists, which makes deletions of accounts take locks in our order. */
  accounts_guarded: z.boolean(),
  /** Open alerts. */
  alerts: z.object({
    firing: z.int(),
    pending: z.int(),
    /** Number of firing alerts. */
    worst: z.enum(ALERT_SEVERITIES).nullable(),
    /** Rules of the firing alerts, without duplicates. */
    rules: z.array(z.string()),
    /** Failed alert deliveries that will be retried. */
    undelivered: z.int(),
    /** Alert deliveries given up in the last seven days. */
    dead: z.int(),
  }),
  backlog: deliveryBacklog,
  rights: z.array(heldRight).nullable(),
});
export type DeploymentFacts = z.infer<typeof deploymentFacts>;

/** Where a deployment runs, and which one it is; null: not at Vercel. */
const deployment = z.object({
  environment: z.string().nullable(),
  region: z.string().nullable(),
  commit: z.string().nullable(),
});
export type Deployment = z.infer<typeof deployment>;

/** How this process calls SQL functions. */
const storeHealth = z.object({
  /** STORE_DATABASE_URL is set. */
  configured: z.boolean(),
  /** The way of the next call: `direct` by the pool, `rest` by the Data API. */
  next: z.enum(['direct', 'rest']),
  /** The pool's role and route; null: there is no pool, or it is unusable now. */
  pool: z.object({ role: z.string(), road: z.string(), fastest_ms: z.number() }).nullable(),
});
export type StoreHealth = z.infer<typeof storeHealth>;

/** Public answer 200 of `GET /api/health`. */
export const publicHealth = z.object({ status: z.literal('up') });

/** Answer 200 of `GET /api/health` with CRON_SECRET. */
export const fullHealth = z.object({
  status: z.enum(['up', 'down']),
  function_time: timestamp,
  deployment,
  findings: z.array(finding),
  /** Of this process: each instance of a function has its own pool. Absent: an older deployment, or invalid variables. */
  store: storeHealth.optional(),
  /** Null: the database did not answer. */
  facts: deploymentFacts.nullable(),
});
export type FullHealth = z.infer<typeof fullHealth>;
