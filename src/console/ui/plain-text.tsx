import styles from './markdown.module.css';

/** Markdown that is not laid out. */
export function PlainText({ note, text }: { note: string; text: string }) {
  return (
    <>
      <p className="muted">{note}</p>
      <pre className={styles['plain']} dir="auto" tabIndex={0}>
        {text}
      </pre>
    </>
  );
}
