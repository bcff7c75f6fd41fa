import { useNavigationPrompt } from 'raviger';
import { useState } from 'react';
import { flushSync } from 'react-dom';
import { Button } from '../../ui/button.tsx';
import { notify } from '../../lib/toasts.ts';
import { ActionIcon } from '../../ui/action-icon.tsx';
import styles from './subscribers.module.css';

export interface Shown {
  name: string;
  value: string;
  /** What it is for. */
  hint: string;
}

/** Values that are shown once, each with a button that copies it. Before all are copied, the browser asks whether to leave the page. */
export function ShownOnce({
  values,
  onDone,
  done,
}: {
  values: readonly Shown[];
  /** What the last button is called. */
  done: string;
  onDone: () => void;
}) {
  const [copied, setCopied] = useState<ReadonlySet<string>>(new Set());
  const isAllCopied = values.every(({ name }) => copied.has(name));
  const [isStored, setStored] = useState(false);
  // For links inside the console and for leaving it.
  useNavigationPrompt(
    !isAllCopied && !isStored,
    'A secret or token on this page is shown once and is not copied yet. Leave the page?',
  );

  async function copy({ name, value }: Shown): Promise<void> {
    try {
      await navigator.clipboard.writeText(value);
      setCopied((now) => new Set([...now, name]));
    } catch {
      notify({
        kind: 'error',
        title: 'The browser did not allow copying',
        text: 'Select the text and copy it.',
      });
    }
  }

  return (
    <section className={styles['once']} aria-label="Shown once">
      <p className={styles['warning']} role="status">
        <span aria-hidden>! </span>
        {values.length === 1 ? 'This is shown once.' : 'These are shown once.'} Copy{' '}
        {values.length === 1 ? 'it' : 'both'} to where your receiver reads its secrets. Lost values can only
        be replaced.
      </p>
      {values.map((shown) => (
        <div key={shown.name} className={styles['shown']}>
          <span className={styles['shownName']}>
            {shown.name}
            {copied.has(shown.name) && <span className={styles['copied']}> ✓ copied</span>}
          </span>
          <code className={styles['secret']}>{shown.value}</code>
          <Button
            size="small"
            aria-label={`Copy the ${shown.name.toLowerCase()}`}
            onClick={() => void copy(shown)}
          >
            <ActionIcon name="copy" /> Copy
          </Button>
          <span className={`${styles['hint'] ?? ''} muted`}>{shown.hint}</span>
        </div>
      ))}
      <div className={styles['buttons']}>
        <Button
          look={isAllCopied ? 'primary' : 'plain'}
          onClick={() => {
            // At once: `onDone` may leave the page, which would ask.
            flushSync(() => setStored(true));
            onDone();
          }}
        >
          {isAllCopied ? done : `I have stored ${values.length === 1 ? 'it' : 'both'}`}
        </Button>
      </div>
    </section>
  );
}

export const SECRET_HINT =
  'For webhook-signature (Standard Webhooks): the receiver verifies each request with this secret.';
export const TOKEN_HINT = 'A bearer token for GET /api/endpoints/events: reads sent events again.';
