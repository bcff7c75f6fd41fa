import type { ButtonHTMLAttributes } from 'react';
import styles from './button.module.css';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal';
  /** Something runs that this button started: it cannot be pressed again, and keeps its width. */
  isBusy?: boolean;
}

export function Button({
  look = 'plain',
  size = 'normal',
  isBusy = false,
  type = 'button',
  className = '',
  disabled,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy || undefined}
      className={`${styles['button'] ?? ''} ${styles[look] ?? ''} ${styles[size] ?? ''} ${className}`}
    >
      <span className={isBusy ? styles['hiddenLabel'] : undefined}>{children}</span>
      {isBusy && <span className={styles['spinner']} aria-hidden />}
    </button>
  );
}
