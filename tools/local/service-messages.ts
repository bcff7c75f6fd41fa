import { z } from 'zod';

/** What the parent says to a service. The options go this way, since a command line is for all to read. */
export const toService = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), options: z.unknown() }),
  z.object({ type: z.literal('stop'), timeoutMs: z.number() }),
]);
export type ToService = z.infer<typeof toService>;

/** What a service says. `running` may come again, when what it tells has changed. */
export const fromService = z.discriminatedUnion('type', [
  z.object({ type: z.literal('running'), state: z.unknown() }),
  /** What it does while it starts. */
  z.object({ type: z.literal('progress'), doing: z.string() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type FromService = z.infer<typeof fromService>;
