import { z } from 'zod';
import { reportType, stage } from '../contracts/webhooks.ts';

/** What was typed into the form for a new report. It lives as long as the tab: a reload or a lost session takes nothing. */
const draft = z.object({
  reportType,
  values: z.object({ texts: z.record(z.string(), z.string()), rest: z.string() }),
  prompt: z.string(),
  text: z.string(),
  stage,
});
export type Draft = z.infer<typeof draft>;

const KEY = 'polaris-new-report';
/** A browser may be shared: each draft says whose it is. */
const stored = z.object({ userId: z.string(), draft });

export function keepDraft(userId: string, value: Draft): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ userId, draft: value }));
  } catch {
    // There is no room for it: the form works without.
  }
}

/** Undefined: there is none of this person. */
export function readDraft(userId: string): Draft | undefined {
  try {
    const kept = stored.parse(JSON.parse(sessionStorage.getItem(KEY) ?? 'null'));
    return kept.userId === userId ? kept.draft : undefined;
  } catch {
    return undefined;
  }
}

export function dropDraft(): void {
  sessionStorage.removeItem(KEY);
}
