import { notify } from '../lib/toasts.ts';
import styles from './copyable-id.module.css';
import { shortId } from '../lib/short-id.ts';

/** An id, which a press copies whole. `what`: the kind of id, for its name. `isShort`: only its beginning is shown. */
export function CopyableId({ id, what, isShort = false }: { id: string; what: string; isShort?: boolean }) {
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(id);
      notify({ kind: 'info', title: `${what} copied` });
    } catch {
      notify({
        kind: 'error',
        title: 'The browser did not allow copying',
        text: 'Select the id and copy it.',
      });
    }
  }
  const shown = isShort ? shortId(id) : id;
  return (
    <button
      type="button"
      className={styles['id']}
      // Who speaks to the page says what stands on it.
      aria-label={`Copy ${what} ${shown}`}
      title={isShort ? `Copy ${what} ${id}` : `Copy ${what}`}
      onClick={() => void copy()}
    >
      {shown}
    </button>
  );
}
