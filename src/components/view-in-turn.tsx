import { useLayoutEffect, useRef, type ReactNode } from 'react';

/**
 * One of several views that take turns in one place, with its name. Where a change took away what had the focus, the view
 * that came has it: else the keyboard would start again at the top of the page.
 */
export function ViewInTurn({ id, name, children }: { id: string; name: string; children: ReactNode }) {
  const view = useRef<HTMLDivElement>(null);
  const shown = useRef(id);
  // Before the panels beside it look after what they lost.
  useLayoutEffect(() => {
    if (shown.current === id) return;
    shown.current = id;
    if (document.activeElement === document.body) view.current?.focus();
  }, [id]);
  return (
    <div ref={view} tabIndex={-1} role="group" aria-label={name}>
      {children}
    </div>
  );
}
