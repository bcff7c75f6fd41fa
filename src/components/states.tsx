import type { ReactNode } from 'react';
import { explain } from '../console/errors.ts';
import { Button } from './button.tsx';
import styles from './states.module.css';

/** Holds the place of what is being fetched: `rows` lines of text. */
export function LoadingState({ label = 'Loading', rows = 4 }: { label?: string; rows?: number }) {
  return (
    <div className={styles['loading']} role="status">
      <span className="visually-hidden">{label}…</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className={styles['line']} aria-hidden />
      ))}
    </div>
  );
}

/** Nothing to show, why, and what makes something appear. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles['empty']}>
      <p className={styles['title']}>{title}</p>
      {children !== undefined && <div className={styles['text']}>{children}</div>}
    </div>
  );
}

/** What failed, and what to do about it. */
export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, advice, detail } = explain(error);
  return (
    <div className={styles['error']} role="alert">
      <p className={styles['title']}>{title}</p>
      <p className={styles['text']}>{advice}</p>
      {detail !== undefined && (
        <pre className={styles['detail']} dir="auto">
          {detail}
        </pre>
      )}
      {onRetry !== undefined && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
