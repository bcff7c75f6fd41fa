import { Button } from '../../ui/button.tsx';
import styles from './alerts.module.css';
import { turnOff, turnOn, useNotificationState } from './browser-notifications.ts';

/** Whether this browser tells of alerts while the console is open in a tab. */
export function NotificationSwitch() {
  const state = useNotificationState();
  return (
    <p className={`${styles['switch'] ?? ''} no-print`}>
      {state === 'unsupported' && 'This browser has no notifications.'}
      {state === 'denied' &&
        'This browser refuses notifications of this site. Allow them in its settings of the site, then reload the page.'}
      {state === 'off' && (
        <>
          <Button size="small" onClick={() => void turnOn()}>
            Notify me in this browser
          </Button>
          <span>of each alert that begins to fire while this console is open in a tab.</span>
        </>
      )}
      {state === 'on' && (
        <>
          <span>
            This browser notifies you of each alert that begins to fire while this console is open in a tab.
          </span>
          <Button size="small" onClick={turnOff}>
            Stop
          </Button>
        </>
      )}
    </p>
  );
}
