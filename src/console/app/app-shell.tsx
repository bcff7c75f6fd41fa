import { useQuery } from '@tanstack/react-query';
import { usePath } from 'raviger';
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import type { FiringAlert } from '../../contracts/console-status.ts';
import { FiringAlerts } from '../lib/firing-alerts.ts';
import { statusQuery } from '../lib/operator-queries.ts';
import { useSession } from '../lib/session.ts';
import { SearchLauncher } from '../views/search/search-launcher.tsx';
import styles from './app-shell.module.css';
import { Button } from '../ui/button.tsx';
import { ErrorBoundary } from '../ui/error-boundary.tsx';
import { Navigation } from './navigation.tsx';
import { SignOut } from './sign-out.tsx';
import { ThemeSwitch } from './theme-switch.tsx';
import { TimesSwitch } from './times-switch.tsx';

const AlertWatch = lazy(async () => ({
  default: (await import('../views/alerts/alert-watch.tsx')).AlertWatch,
}));
const NONE: readonly FiringAlert[] = [];

/** What stays while views change: navigation, who is signed in, the theme and the zone of times. */
export function AppShell({ children }: { children: ReactNode }) {
  const { supabase, user, isOperator } = useSession();
  const status = useQuery({ ...statusQuery(supabase), enabled: isOperator });
  const firing = status.data?.alerts.firing ?? NONE;
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  const shownPath = useRef(path);
  // On a phone the navigation is folded away, and a choice folds it again.
  const [openOn, setOpenOn] = useState<string | null>(null);
  const isOpen = openOn !== null && openOn === path;

  useEffect(() => {
    if (shownPath.current === path) return;
    shownPath.current = path;
    // Else a keyboard or a screen reader would go on from the link of the view before.
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [path]);

  return (
    <FiringAlerts value={firing}>
      {status.data !== undefined && (
        // Without its code the page still shows the alerts.
        <ErrorBoundary fallback={null}>
          <Suspense>
            <AlertWatch firing={firing} />
          </Suspense>
        </ErrorBoundary>
      )}
      <div className={styles['shell']}>
        <a className={styles['skip']} href="#main">
          Skip to content
        </a>
        <header className={styles['side']} data-open={isOpen}>
          <div className={styles['brand']}>
            <img src="/icon.svg" alt="" width="24" height="24" />
            <span>Polaris reports</span>
            <Button
              className={styles['menuButton'] ?? ''}
              size="small"
              aria-expanded={isOpen}
              aria-controls="navigation"
              onClick={() => setOpenOn(isOpen ? null : path)}
            >
              Menu
            </Button>
          </div>
          <div id="navigation" className={styles['foldable']}>
            <div>
              {isOperator && <SearchLauncher />}
              <Navigation isOperator={isOperator} path={path ?? '/'} />
            </div>
            <div className={styles['person']}>
              <ThemeSwitch />
              <TimesSwitch />
              <p className={styles['who']}>
                <span className={styles['email']} title={user.email}>
                  {user.email}
                </span>
                <span className="muted">{isOperator ? 'Operator' : 'Owner'}</span>
              </p>
              {isOperator && (
                <a className={styles['reference']} href="/reference.html">
                  API reference
                </a>
              )}
              <SignOut />
            </div>
          </div>
        </header>
        <main id="main" ref={main} tabIndex={-1} className={styles['main']}>
          {children}
        </main>
      </div>
    </FiringAlerts>
  );
}
