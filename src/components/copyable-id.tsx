import { notify } from '../console/toasts.ts';
import styles from './copyable-id.module.css';

/** An id in full, which a press copies. `what`: the kind of id, for its name. */
export function CopyableId({ id, what }: { id: string; what: string }) {
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
  return (
    <button
      type="button"
      className={styles['id']}
      aria-label={`Copy ${what} ${id}`}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      {id}
    </button>
  );
}
