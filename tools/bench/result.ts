import { z } from 'zod';

/** CPU time of a call in milliseconds, by process. Without that of the caller. */
const cpu = z.object({
  functions: z.number(),
  /** The local stand-in for Vercel's router in front of the functions. */
  host: z.number(),
  /** The REST layer. */
  rest: z.number(),
  /** PostgreSQL: all its processes. */
  database: z.number(),
});
export type Cpu = z.infer<typeof cpu>;

const latency = z.object({ p50Ms: z.number(), p99Ms: z.number(), perSecond: z.number(), cpuMs: cpu });
export type Latency = z.infer<typeof latency>;

/** With one concurrent caller, and with sixteen. */
const callers = z.object({ c1: latency, c16: latency });
export type Callers = z.infer<typeof callers>;
const webhook = z.object({ new6kb: callers, duplicate6kb: callers, new200kb: callers });
const speeds = z.object({ ours: z.number(), svix: z.number() });

/** Events per second, and CPU time per event. */
const rate = z.object({ perSecond: z.number(), cpuMs: cpu });
export type Rate = z.infer<typeof rate>;
const rates = z.object({ rest: rate, direct: rate });

/** Jobs per second, and CPU time per job in milliseconds. */
const peer = z.object({
  perSecond: z.number(),
  cpuMs: z.object({
    /** CPU time of the process that works on the queue; for ours, that is the functions. */
    client: z.number(),
    database: z.number(),
  }),
});
export type Peer = z.infer<typeof peer>;

/** What `npm run bench -- --json` prints on its last line. */
export const benchResult = z.object({
  machine: z.object({
    cores: z.int(),
    cpu: z.string(),
    node: z.string(),
    postgres: z.string(),
    /** Load average of the last minute at the start: what else the machine was doing. */
    loadBefore: z.number(),
  }),
  /** Baselines: an empty function; one that calls an empty SQL function by REST; one that does so over a direct connection. */
  bare: callers,
  floor: callers,
  floorDirect: callers,
  /** `apply_report_event()` called over a direct connection: the cost of the SQL alone. */
  direct: callers,
  webhook,
  webhookDirect: webhook,
  /** The webhook by REST through `/rpc` of `@supabase/lite`, which the local REST layer replaces. */
  lite: z.object({ floor: callers, new6kb: callers }),
  restCallsPerWebhook: z.number(),
  restCallsPerJob: z.number(),
  /** By the number of events in a batch; `single`: calls of the events' own endpoint, in turns with the batches. */
  batch: z.object({ single: rates, '10': rates, '100': rates }),
  sweep50Ms: z.object({ rest: z.number(), direct: z.number() }),
  /** Events that `verify_reports()` checks per second. */
  verify: z.object({ events: z.int(), perSecond: z.number() }),
  /** Other PostgreSQL queues and ours, with the same payload on the same server. */
  peers: z.object({
    /** One pass: send, fetch and complete. */
    pgBoss: peer,
    graphileWorker: peer,
    /** A webhook with direct connections. */
    receiving: peer,
    /** A job with direct connections, from its request to the recorded delivery. */
    wholeJob: peer,
  }),
  /** Verifications per second, by body size in bytes. */
  verifyPerSecond: z.object({ '1024': speeds, '16384': speeds, '131072': speeds }),
  compression: z.object({
    /** Cost of a rejected compressed body in a function: the worst of several processes. */
    refusals: z.record(
      z.string(),
      z.object({ code: z.string(), ms: z.number(), cpuMs: z.number(), peakMB: z.number() }),
    ),
    /** Valid bodies by coding and size: medians. */
    bodies: z.record(
      z.string(),
      z.object({ bytes: z.int(), compressMs: z.number(), decompressMs: z.number() }),
    ),
  }),
  /** Import time of built functions, by source path. */
  importMs: z.record(z.string(), z.number()),
  /** `heapUsed` after a garbage collection in a built prelim-report: warm, and after 10,000 requests. */
  heapMB: z.number(),
  heapAfter10kMB: z.number(),
});
export type BenchResult = z.infer<typeof benchResult>;
