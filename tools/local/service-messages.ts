import { z } from 'zod';

/** Messages from the parent to a service. Options are sent this way, since command lines are readable by every process. */
export const toService = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), options: z.unknown() }),
  z.object({ type: z.literal('stop'), timeoutMs: z.number() }),
]);
export type ToService = z.infer<typeof toService>;

/** Messages from a service. `running` is repeated when the state has changed. */
export const fromService = z.discriminatedUnion('type', [
  z.object({ type: z.literal('running'), state: z.unknown() }),
  /** What the service is doing while it starts. */
  z.object({ type: z.literal('progress'), doing: z.string() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type FromService = z.infer<typeof fromService>;
