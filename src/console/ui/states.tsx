import type { ReactNode } from 'react';
import { explain } from '../lib/errors.ts';
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

/** What failed, and what to do about it. `isRefresh`: what was read before that is still shown. */
export function ErrorState({
  error,
  onRetry,
  isRefresh = false,
}: {
  error: unknown;
  onRetry?: () => void;
  isRefresh?: boolean;
}) {
  const { title, advice, detail, needsReload } = explain(error);
  return (
    <div className={styles['error']} role="alert">
      <p className={styles['title']}>{title}</p>
      {isRefresh && <p className={styles['text']}>Cannot refresh: this page may be out of date.</p>}
      <p className={styles['text']}>{advice}</p>
      {detail !== undefined && (
        <pre className={styles['detail']} dir="auto">
          {detail}
        </pre>
      )}
      {needsReload && (
        <Button size="small" onClick={() => location.reload()}>
          Reload the page
        </Button>
      )}
      {onRetry !== undefined && !needsReload && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
