import { projectRoot } from './paths.ts';
import { supabase } from './supabase-cli.ts';

/** Applies the missing migrations, as on a hosted project. */
export async function migrate(databaseUrl: string, workdir = projectRoot): Promise<void> {
  await supabase(['db', 'push', `--remote=${databaseUrl}`, '--yes'], workdir);
}
