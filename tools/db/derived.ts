import { format } from 'prettier';
import { z } from 'zod';
import { supabase } from '../local/supabase-cli.ts';
import type { Finding } from './finding.ts';

export const TYPES = 'src/contracts/database.types.ts';

/** The database types, as the Supabase CLI writes them. */
export async function generateTypes(url: string, project: string): Promise<string> {
  const output = await supabase(['gen', 'types', `--remote=${url}`, '--schema', 'public'], project);
  // The CLI prints a line about the connection first. Format its output: whether it does so itself differs between machines.
  return format(output.slice(output.indexOf('export type')), {
    parser: 'typescript',
    objectWrap: 'collapse',
  });
}

const advice = z.array(
  z.looseObject({ name: z.string(), detail: z.string(), categories: z.array(z.string()) }),
);

/** The security findings of Supabase's advisors. */
export async function securityFindings(url: string, project: string): Promise<Finding[]> {
  const output = await supabase(['db', 'advisors', `--remote=${url}`], project);
  const start = output.indexOf('[');
  return advice
    .parse(start < 0 ? [] : JSON.parse(output.slice(start)))
    .filter(({ categories }) => categories.includes('SECURITY'))
    .map(({ name, detail }) => ({ where: name, rule: 'advisors', message: detail }));
}
