import styles from './long-text.module.css';

/** More than this does not fit into a few lines. */
const LONG_CHARACTERS = 400;

/** Text of strangers, which scrolls where it is long: what comes after it stays in sight. */
export function LongText({ text }: { text: string }) {
  if (text.length <= LONG_CHARACTERS) return <span className="foreign">{text}</span>;
  return (
    <span className={`${styles['long'] ?? ''} foreign`} tabIndex={0} role="group" aria-label="Long text">
      {text}
    </span>
  );
}
