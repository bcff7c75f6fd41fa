import { z } from 'zod';

/** What the form for a new report hands to the report's page with the navigation: it lives as long as the history's entry. */
const handed = z.object({ prompt: z.string() });

/** What the generator is to be asked, as it was typed where the report was made. Undefined: the report was opened otherwise. */
export function promptOfNavigation(): string | undefined {
  return handed.safeParse(history.state).data?.prompt;
}
