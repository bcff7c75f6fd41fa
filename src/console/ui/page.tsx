import { useEffect, useRef, type ReactNode, type RefObject } from 'react';
import { useFiringAlerts } from '../lib/firing-alerts.ts';
import styles from './page.module.css';

interface PageProps {
  title: string;
  /** One line under the title. */
  lead?: ReactNode;
  /** Buttons beside the title. */
  actions?: ReactNode;
  /** Between title and content: tabs, say. */
  tabs?: ReactNode;
  children: ReactNode;
}

/** A view: names itself to the browser and on the page. */
export function Page({ title, lead, actions, tabs, children }: PageProps) {
  const firing = useFiringAlerts().length;
  return (
    <div className={styles['page']}>
      <title>{`${firing === 0 ? '' : `(${firing}) `}${title} · Polaris reports`}</title>
      <header className={styles['header']}>
        <div>
          <h1 className={styles['title']}>{title}</h1>
          {lead !== undefined && <p className={styles['lead']}>{lead}</p>}
        </div>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </header>
      {tabs}
      {children}
    </div>
  );
}

/**
 * A framed part of a view, with a heading. When a change takes away what had the focus in it (a row that is done with, say),
 * the heading has it: else the keyboard would start again at the top of the page.
 */
export function Panel({
  title,
  actions,
  children,
  isFlush = false,
  headingRef,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  /** The content brings its own padding, as tables do. */
  isFlush?: boolean;
  /** For those who move the focus to the heading. */
  headingRef?: RefObject<HTMLHeadingElement | null>;
}) {
  const ownRef = useRef<HTMLHeadingElement>(null);
  const heading = headingRef ?? ownRef;
  const focused = useRef<Element | null>(null);
  useEffect(() => {
    if (focused.current === null || focused.current.isConnected) return;
    focused.current = null;
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  });
  return (
    <section
      className={styles['panel']}
      aria-label={title}
      onFocus={({ target }) => {
        focused.current = target;
      }}
      onBlur={({ target }) => {
        // What is taken away may lose the focus first.
        queueMicrotask(() => {
          if (target.isConnected && focused.current === target) focused.current = null;
        });
      }}
    >
      <div className={styles['panelHeader']}>
        <h2 ref={heading} tabIndex={-1} className={styles['panelTitle']}>
          {title}
        </h2>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </div>
      <div className={isFlush ? styles['flush'] : styles['panelBody']}>{children}</div>
    </section>
  );
}
