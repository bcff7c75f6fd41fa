import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { notificationsQuery } from '../console/report-queries.ts';
import { ROUTES } from '../console/routes.ts';
import { useSession } from '../console/session.ts';
import { Icon } from '../console/ui/icon.tsx';
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
              aria-current={route.path === path ? 'page' : undefined}
            >
              <Icon name={route.icon} />
              {route.name}
              {route.path === '/notifications' && <UnreadCount />}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const MOST_COUNTED = 9;

function UnreadCount() {
  const { supabase } = useSession();
  const unread = useInfiniteQuery(notificationsQuery(supabase, true));
  const count = unread.data?.pages[0]?.rows.length ?? 0;
  if (count === 0) return null;
  return (
    <span className={styles['count']}>
      {count > MOST_COUNTED ? `${MOST_COUNTED}+` : count}
      <span className="visually-hidden"> unread</span>
    </span>
  );
}
