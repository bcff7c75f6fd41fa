import { z } from 'zod';

/** Our own webhook functions: the last part of their paths, and their rows in `public.webhook_endpoints`. */
export const INTERNAL_ENDPOINTS = ['prelim-report', 'final-report'] as const;
export const internalEndpoint = z.enum(INTERNAL_ENDPOINTS);
export type InternalEndpoint = z.infer<typeof internalEndpoint>;

/** Any target of deliveries: one of our own endpoints, or a subscriber. */
export const endpointId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
