import { z } from 'zod';

/** After the errors are on the page. */
export function focusFirstError(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid]')?.focus());
}

const refusal = z.object({ issues: z.array(z.object({ path: z.string(), message: z.string() })) });

/** What the server found wrong with the URL: only the server knows which hosts are allowed. */
export function urlErrorOf(error: unknown): string | undefined {
  const issues = refusal.safeParse(error).data?.issues ?? [];
  const message = issues.find(({ path }) => path === 'settings.url')?.message;
  return message === undefined ? undefined : `It ${message}.`.replace('..', '.');
}
