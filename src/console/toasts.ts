export interface Toast {
  id: number;
  kind: 'success' | 'error' | 'info';
  title: string;
  text?: string | undefined;
}

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
  publish([...toasts.slice(-3), { ...toast, id: lastId }]);
}

export function dismiss(id: number): void {
  publish(toasts.filter((toast) => toast.id !== id));
}

export function subscribeToToasts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function currentToasts(): readonly Toast[] {
  return toasts;
}
