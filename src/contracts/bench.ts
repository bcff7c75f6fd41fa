import { z } from 'zod';

/** CPU time of a call in milliseconds, by who used it. Its caller's is not in it. */
const cpu = z.object({
  functions: z.number(),
  /** The local stand-in for Vercel's router, before the functions. */
  host: z.number(),
  /** The REST layer. */
  rest: z.number(),
  /** PostgreSQL, all its processes. */
  database: z.number(),
});
export type Cpu = z.infer<typeof cpu>;

const latency = z.object({ p50Ms: z.number(), p99Ms: z.number(), perSecond: z.number(), cpuMs: cpu });
export type Latency = z.infer<typeof latency>;

/** At one caller, and at sixteen. */
const callers = z.object({ c1: latency, c16: latency });
export type Callers = z.infer<typeof callers>;
const webhook = z.object({ new6kb: callers, duplicate6kb: callers, new200kb: callers });
const speeds = z.object({ ours: z.number(), svix: z.number() });

/** Events a second, and CPU time of each. */
const rate = z.object({ perSecond: z.number(), cpuMs: cpu });
export type Rate = z.infer<typeof rate>;
const rates = z.object({ rest: rate, direct: rate });

/** Jobs a second, and CPU time of each in milliseconds. */
const peer = z.object({
  perSecond: z.number(),
  cpuMs: z.object({
    /** Of the process that works on the queue; ours are the functions. */
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
    /** Of the last minute, when the run began: what else the machine did. */
    loadBefore: z.number(),
  }),
  /** An empty function; one that calls an empty SQL function by REST; one that does so over a connection. */
  bare: callers,
  floor: callers,
  floorDirect: callers,
  /** `apply_report_event()` over a connection of the caller: the SQL alone. */
  direct: callers,
  webhook,
  webhookDirect: webhook,
  /** By REST through the layer that the local one stands in for: `/rpc` of `@supabase/lite`. */
  lite: z.object({ floor: callers, new6kb: callers }),
  restCallsPerWebhook: z.number(),
  restCallsPerJob: z.number(),
  /** By events in a batch; `single`: calls of the events' own endpoint, in turns with them. */
  batch: z.object({ single: rates, '10': rates, '100': rates }),
  sweep50Ms: z.object({ rest: z.number(), direct: z.number() }),
  /** What `verify_reports()` checks. */
  verify: z.object({ events: z.int(), perSecond: z.number() }),
  /** Other queues of PostgreSQL with the same payload on the same server, and ours. */
  peers: z.object({
    /** Send, fetch and complete. */
    pgBoss: peer,
    graphileWorker: peer,
    /** A webhook, direct. */
    receiving: peer,
    /** From the request of a job to the record of its delivery, direct. */
    wholeJob: peer,
  }),
  /** Verifications a second, by the size of the body in bytes. */
  verifyPerSecond: z.object({ '1024': speeds, '16384': speeds, '131072': speeds }),
  compression: z.object({
    /** What a compressed body that is refused costs a function: the worst of several processes. */
    refusals: z.record(
      z.string(),
      z.object({ code: z.string(), ms: z.number(), cpuMs: z.number(), peakMB: z.number() }),
    ),
    /** Good bodies, by coding and size: medians. */
    bodies: z.record(
      z.string(),
      z.object({ bytes: z.int(), compressMs: z.number(), decompressMs: z.number() }),
    ),
  }),
  /** Of built functions, by the path of their source. */
  importMs: z.record(z.string(), z.number()),
  /** `heapUsed` after a collection in the process of a built prelim-report: warm, and after 10,000 requests. */
  heapMB: z.number(),
  heapAfter10kMB: z.number(),
});
export type BenchResult = z.infer<typeof benchResult>;
