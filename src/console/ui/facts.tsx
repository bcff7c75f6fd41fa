import type { ReactNode } from 'react';
import styles from './facts.module.css';

/** Names and values; what is null is left out. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={styles['facts']}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined) return null;
  return (
    <div className={styles['fact']}>
      <dt>{name}</dt>
      <dd className="foreign">{children}</dd>
    </div>
  );
}
