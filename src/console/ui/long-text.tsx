import styles from './long-text.module.css';

/** More than this does not fit into a few lines. */
const LONG_CHARACTERS = 400;

/** Text from outside the project. A long one scrolls in its own box, so that the page below it stays visible. */
export function LongText({ text }: { text: string }) {
  if (text.length <= LONG_CHARACTERS) return <span className="foreign">{text}</span>;
  return (
    <span className={`${styles['long'] ?? ''} foreign`} tabIndex={0} role="group" aria-label="Long text">
      {text}
    </span>
  );
}
