import { usePath } from 'raviger';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useSession } from '../console/session.ts';
import { SearchLauncher } from '../console/views/search/search-launcher.tsx';
import styles from './app-shell.module.css';
import { Button } from './button.tsx';
import { Navigation } from './navigation.tsx';
import { ThemeSwitch } from './theme-switch.tsx';
import { TimesSwitch } from './times-switch.tsx';

/** What stays while views change: navigation, who is signed in, the theme and the zone of times. */
export function AppShell({ children }: { children: ReactNode }) {
  const { user, isOperator, signOut } = useSession();
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  const shownPath = useRef(path);
  // On a phone the navigation is folded away, and a choice folds it again.
  const [openOn, setOpenOn] = useState<string | null>(null);
  const [isLeaving, setLeaving] = useState(false);
  const isOpen = openOn !== null && openOn === path;

  useEffect(() => {
    if (shownPath.current === path) return;
    shownPath.current = path;
    // Else a keyboard or a screen reader would go on from the link of the view before.
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [path]);

  return (
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
            <Button
              size="small"
              isBusy={isLeaving}
              onClick={() => {
                setLeaving(true);
                void signOut();
              }}
            >
              Sign out
            </Button>
          </div>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={styles['main']}>
        {children}
      </main>
    </div>
  );
}
