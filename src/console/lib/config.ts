import { z } from 'zod';
import { headerText, serverAddress } from '../../contracts/env-values.ts';

/** Every variable that the build of the console reads. */
export const consoleEnv = z.object({
  VITE_SUPABASE_URL: z.string().trim().pipe(serverAddress),
  VITE_SUPABASE_PUBLISHABLE_KEY: z.string().trim().min(1).pipe(headerText),
  /** `off`: the project has no Realtime. A connection that fails is an error in the browser's console, so none is tried. */
  VITE_SUPABASE_REALTIME: z
    .string()
    .trim()
    .pipe(z.enum(['on', 'off', '']))
    .default('on'),
});

/** What the build was told of its Supabase project; null when that was not enough (see env.example). */
export const config = consoleEnv
  .nullable()
  .catch(null)
  .parse({
    VITE_SUPABASE_URL: import.meta.env['VITE_SUPABASE_URL'] as unknown,
    VITE_SUPABASE_PUBLISHABLE_KEY: import.meta.env['VITE_SUPABASE_PUBLISHABLE_KEY'] as unknown,
    VITE_SUPABASE_REALTIME: import.meta.env['VITE_SUPABASE_REALTIME'] as unknown,
  });
export type Config = NonNullable<typeof config>;
