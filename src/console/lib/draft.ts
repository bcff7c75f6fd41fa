import { z } from 'zod';

/** What was typed into a form. It lives as long as the tab: a reload or a lost session takes nothing. */
interface DraftStore<T> {
  keep: (userId: string, value: T) => void;
  /** Undefined: there is none of this person. */
  read: (userId: string) => T | undefined;
  drop: () => void;
}

const PREFIX = 'polaris-new-';

/** `name`: of what is being made. */
export function draftStore<T>(name: string, schema: z.ZodType<T>): DraftStore<T> {
  const key = `${PREFIX}${name}`;
  // A browser may be shared: each draft says whose it is.
  const stored = z.object({ userId: z.string(), draft: schema });
  return {
    keep(userId, value) {
      try {
        sessionStorage.setItem(key, JSON.stringify({ userId, draft: value }));
      } catch {
        // There is no room for it: the form works without.
      }
    },
    read(userId) {
      try {
        const kept = stored.parse(JSON.parse(sessionStorage.getItem(key) ?? 'null'));
        return kept.userId === userId ? kept.draft : undefined;
      } catch {
        return undefined;
      }
    },
    drop() {
      sessionStorage.removeItem(key);
    },
  };
}

/** Whoever signs out leaves no draft. */
export function dropDrafts(): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  }
}
