import { Link } from 'raviger';
import styles from './tabs.module.css';

const TABS = [
  { href: '/subscribers', name: 'Subscribers' },
  { href: '/replays', name: 'Replays' },
];

/** The two views of what other systems are sent. */
export function OutwardTabs({ current }: { current: string }) {
  return (
    <nav aria-label="Outward" className={styles['tabs']}>
      {TABS.map(({ href, name }) => (
        <Link key={href} href={href} aria-current={href === current ? 'page' : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
