import type { ButtonHTMLAttributes } from 'react';
import styles from './button.module.css';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal';
  /** Something runs that this button started: pressing it again does nothing. It keeps its width, and the focus. */
  isBusy?: boolean;
}

export function Button({
  look = 'plain',
  size = 'normal',
  isBusy = false,
  type = 'button',
  className = '',
  disabled = false,
  onClick,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      // A disabled button would lose the focus, and the keyboard its place.
      disabled={disabled && !isBusy}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      onClick={(event) => {
        // Else the form would be sent again.
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
      className={`${styles['button'] ?? ''} ${styles[look] ?? ''} ${styles[size] ?? ''} ${className}`}
    >
      <span className={`${styles['label'] ?? ''} ${isBusy ? (styles['hiddenLabel'] ?? '') : ''}`}>
        {children}
      </span>
      {isBusy && <span className={styles['spinner']} aria-hidden />}
    </button>
  );
}
