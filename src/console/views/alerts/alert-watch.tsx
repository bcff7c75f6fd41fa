import { navigate } from 'raviger';
import { useEffect, useRef } from 'react';
import { wordsOf } from '../../../contracts/alerts.ts';
import type { FiringAlert } from '../../../contracts/console-status.ts';
import { alertHref, alertName } from './alert-name.ts';
import { notificationState, showNotification } from './browser-notifications.ts';

/** Tells of alerts outside of the page: the tab's icon, and the browser's notifications where they were asked for. */
export function AlertWatch({ firing }: { firing: readonly FiringAlert[] }) {
  // What fired before this page was opened is on the page.
  const known = useRef<ReadonlySet<string> | null>(null);
  const isFiring = firing.length > 0;

  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    icon?.setAttribute('href', isFiring ? '/icon-alert.svg' : '/icon.svg');
    return () => icon?.setAttribute('href', '/icon.svg');
  }, [isFiring]);

  useEffect(() => {
    const before = known.current;
    known.current = new Set([...(before ?? []), ...firing.map(({ id }) => id)]);
    if (before === null || notificationState() !== 'on') return;
    for (const alert of firing) if (!before.has(alert.id)) show(alert);
  }, [firing]);
  return null;
}

function show(alert: FiringAlert): void {
  const { meaning, action } = wordsOf(alert.rule);
  const severity = alert.severity === 'critical' ? 'Critical' : 'Warning';
  const notification = showNotification(`${severity}: ${alertName(alert)}`, {
    body: `${meaning} To do: ${action}`,
    icon: '/icon-alert.svg',
    // Several tabs that are open tell of it once.
    tag: alert.id,
  });
  if (notification === undefined) return;
  notification.onclick = () => {
    window.focus();
    navigate(alertHref(alert.id));
    notification.close();
  };
}
