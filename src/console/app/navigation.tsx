import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useFiringAlerts } from '../lib/firing-alerts.ts';
import { notificationsQuery } from '../lib/report-queries.ts';
import { ROUTES } from './routes.ts';
import { useSession } from '../lib/session.ts';
import { Icon } from '../ui/icon.tsx';
import styles from './navigation.module.css';

export function Navigation({ isOperator, path }: { isOperator: boolean; path: string }) {
  const person = isOperator ? 'operators' : 'owners';
  return (
    <nav aria-label="Views" className={styles['navigation']}>
      <ul className={styles['list']}>
        {ROUTES.filter(({ listedFor }) => listedFor.includes(person)).map((route) => (
          <li key={route.path}>
            <Link
              href={route.path}
              className={styles['link']}
              aria-current={
                route.path === path ? 'page' : path.startsWith(`${route.path}/`) ? 'true' : undefined
              }
            >
              <Icon name={route.icon} />
              {route.name}
              {route.path === '/notifications' && <UnreadCount />}
              {route.path === '/alerts' && <FiringCount />}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function FiringCount() {
  const count = useFiringAlerts().length;
  if (count === 0) return null;
  return (
    <span className={`${styles['count'] ?? ''} ${styles['calls'] ?? ''}`}>
      {count}
      <span className="visually-hidden"> firing</span>
    </span>
  );
}

/** The badge has room for two digits. */
const MOST_COUNTED = 99;

function UnreadCount() {
  const { supabase } = useSession();
  const unread = useInfiniteQuery(notificationsQuery(supabase, true));
  const count = unread.data?.pages[0]?.unread ?? 0;
  if (count === 0) return null;
  return (
    <span className={styles['count']}>
      {count > MOST_COUNTED ? `${MOST_COUNTED}+` : count}
      <span className="visually-hidden"> unread</span>
    </span>
  );
}
