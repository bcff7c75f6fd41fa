import { createClient } from '@supabase/supabase-js';
import { config } from './config.ts';

/** The one client of this page: it keeps the session in the browser's storage and refreshes it. */
export const supabase =
  config === null ? null : createClient(config.VITE_SUPABASE_URL, config.VITE_SUPABASE_PUBLISHABLE_KEY);
