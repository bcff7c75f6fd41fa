import { AlertDialog } from '@base-ui/react/alert-dialog';
import { Button } from './button.tsx';
import styles from './dialog.module.css';

/** Asks once before something that cannot be undone. Esc and `Go back` change nothing. */
export function ConfirmDialog({
  title,
  text,
  button,
  look,
  onConfirm,
  onClose,
}: {
  title: string;
  text: string;
  button: string;
  look: 'danger' | 'primary';
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles['backdrop'] ?? ''} />
        <AlertDialog.Popup className={styles['dialog'] ?? ''}>
          <AlertDialog.Title className={styles['title'] ?? ''}>{title}</AlertDialog.Title>
          <AlertDialog.Description className={styles['text'] ?? ''}>{text}</AlertDialog.Description>
          <div className={styles['buttons']}>
            <Button onClick={onClose}>Go back</Button>
            <Button
              look={look}
              onClick={() => {
                onConfirm();
                onClose();
              }}
            >
              {button}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
