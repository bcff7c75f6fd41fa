import type { ReactNode } from 'react';
import styles from './page.module.css';

export interface PageProps {
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
  return (
    <div className={styles['page']}>
      <title>{`${title} · Polaris reports`}</title>
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

/** A framed part of a view, with a heading. */
export function Panel({
  title,
  actions,
  children,
  isFlush = false,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  /** The content brings its own padding, as tables do. */
  isFlush?: boolean;
}) {
  return (
    <section className={styles['panel']} aria-label={title}>
      <div className={styles['panelHeader']}>
        <h2 className={styles['panelTitle']}>{title}</h2>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </div>
      <div className={isFlush ? styles['flush'] : styles['panelBody']}>{children}</div>
    </section>
  );
}
