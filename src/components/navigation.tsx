import { Link } from 'raviger';
import { ROUTES } from '../console/routes.ts';
import styles from './navigation.module.css';

export function Navigation({ isOperator, path }: { isOperator: boolean; path: string }) {
  const routes = ROUTES.filter(({ audience }) => isOperator || audience === 'everyone');
  const groups = [...new Set(routes.map(({ group }) => group))];
  return (
    <nav aria-label="Views" className={styles['navigation']}>
      {groups.map((group) => (
        <div key={group}>
          <p className={styles['group']} id={`group-${group}`}>
            {group}
          </p>
          <ul className={styles['list']} aria-labelledby={`group-${group}`}>
            {routes
              .filter((route) => route.group === group)
              .map((route) => (
                <li key={route.path}>
                  <Link
                    href={route.path}
                    className={styles['link']}
                    aria-current={route.path === path ? 'page' : undefined}
                  >
                    {route.name}
                  </Link>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
