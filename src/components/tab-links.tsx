import { Link } from 'raviger';
import styles from './tab-links.module.css';

/** Tabs that are views with an address of their own. */
export function TabLinks({
  label,
  current,
  tabs,
}: {
  label: string;
  current: string;
  tabs: readonly { href: string; name: string }[];
}) {
  return (
    <nav aria-label={label} className={styles['tabs']}>
      {tabs.map(({ href, name }) => (
        <Link
          key={href}
          href={href}
          className={styles['tab']}
          aria-current={href === current ? 'page' : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
