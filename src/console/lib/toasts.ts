export interface Toast {
  id: number;
  kind: 'success' | 'error' | 'info';
  title: string;
  text?: string | undefined;
}

/** So many of those that go by themselves are shown at once. */
const SHOWN = 4;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function publish(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Tells the person something that no place on the page shows. Errors stay until they are closed. */
export function notify(toast: Omit<Toast, 'id'>): void {
  lastId += 1;
  const next = [...toasts, { ...toast, id: lastId }];
  const passing = next.filter(({ kind }) => kind !== 'error').slice(-SHOWN);
  publish(next.filter((each) => each.kind === 'error' || passing.includes(each)));
}

export function dismiss(id: number): void {
  publish(toasts.filter((toast) => toast.id !== id));
}

/** They are for the person who is signed in, and nobody after. */
export function dismissAll(): void {
  publish([]);
}

export function subscribeToToasts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function currentToasts(): readonly Toast[] {
  return toasts;
}
