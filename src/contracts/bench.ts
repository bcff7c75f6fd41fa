import { z } from 'zod';

const latency = z.object({ p50Ms: z.number(), p99Ms: z.number(), perSecond: z.number() });
export type Latency = z.infer<typeof latency>;

/** At one caller, and at sixteen. */
const callers = z.object({ c1: latency, c16: latency });
const speeds = z.object({ ours: z.number(), svix: z.number() });

/** What `npm run bench -- --json` prints on its last line. */
export const benchResult = z.object({
  floor: callers,
  direct: callers,
  webhook: z.object({ new6kb: callers, duplicate6kb: callers, new200kb: callers }),
  restCallsPerWebhook: z.number(),
  restCallsPerJob: z.number(),
  sweep50Ms: z.number(),
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
  /** By the path of the function. */
  importMs: z.record(z.string(), z.number()),
  /** `heapUsed` after a collection in the process of prelim-report: warm, and after 10,000 requests. */
  heapMB: z.number(),
  heapAfter10kMB: z.number(),
});
export type BenchResult = z.infer<typeof benchResult>;
