import { Button } from '../../ui/button.tsx';
import styles from './alerts.module.css';
import { turnOff, turnOn, useNotificationState } from './browser-notifications.ts';

/** Whether this browser tells of alerts while the console is open in a tab. */
export function NotificationSwitch() {
  const state = useNotificationState();
  return (
    <p className={`${styles['switch'] ?? ''} no-print`}>
      {state === 'unsupported' && 'This browser does not support notifications.'}
      {state === 'denied' &&
        'This browser blocks notifications of this site. Allow them in the browser’s site settings, then reload the page.'}
      {state === 'off' && (
        <>
          <Button size="small" onClick={() => void turnOn()}>
            Notify me in this browser
          </Button>
          <span>of each new alert while this console is open in a tab.</span>
        </>
      )}
      {state === 'on' && (
        <>
          <span>This browser notifies you of each new alert while this console is open in a tab.</span>
          <Button size="small" onClick={turnOff}>
            Stop
          </Button>
        </>
      )}
    </p>
  );
}
