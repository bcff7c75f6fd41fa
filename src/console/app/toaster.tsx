import { useEffect, useState, useSyncExternalStore } from 'react';
import { currentToasts, dismiss, subscribeToToasts, type Toast } from '../lib/toasts.ts';
import { Button } from '../ui/button.tsx';
import styles from './toaster.module.css';

const SHOWN_FOR_MS = 6_000;

/** Both regions are there from the start: a region that comes with its text is not read out. */
export function Toaster() {
  const toasts = useSyncExternalStore(subscribeToToasts, currentToasts);
  const errors = toasts.filter(({ kind }) => kind === 'error');
  const others = toasts.filter(({ kind }) => kind !== 'error');
  return (
    <section className={styles['toaster']} aria-label="Messages">
      <div role="alert">{errors.map(toItem)}</div>
      <div role="status">{others.map(toItem)}</div>
    </section>
  );
}

function toItem(toast: Toast) {
  return <Item key={toast.id} toast={toast} />;
}

function Item({ toast: { id, kind, title, text } }: { toast: Toast }) {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld || kind === 'error') return;
    const timer = setTimeout(() => dismiss(id), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [id, kind, isHeld]);
  return (
    <div
      className={`${styles['toast'] ?? ''} ${styles[kind] ?? ''}`}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div className={styles['words']}>
        <p className={styles['title']}>{title}</p>
        {text !== undefined && (
          <p className={styles['text']} dir="auto">
            {text}
          </p>
        )}
      </div>
      <Button look="quiet" size="small" aria-label={`Close: ${title}`} onClick={() => dismiss(id)}>
        ✕
      </Button>
    </div>
  );
}
