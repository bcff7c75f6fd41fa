import { useSyncExternalStore } from 'react';

const KEY = 'polaris-alert-notifications';
const listeners = new Set<() => void>();

/** `denied`: the browser refuses them for this site, and only the person can change that in its settings. */
type NotificationState = 'unsupported' | 'denied' | 'off' | 'on';

export function notificationState(): NotificationState {
  if (!('Notification' in window) || localStorage.getItem(KEY) === 'unsupported') return 'unsupported';
  if (Notification.permission === 'denied') return 'denied';
  // A permission that was reset has to be asked for again.
  return localStorage.getItem(KEY) === 'on' && Notification.permission === 'granted' ? 'on' : 'off';
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Asks the browser, which shows its own question. Only for a click: browsers refuse pages that ask by themselves. */
export async function turnOn(): Promise<void> {
  if ((await Notification.requestPermission()) === 'granted') localStorage.setItem(KEY, 'on');
  tell();
}

export function turnOff(): void {
  localStorage.removeItem(KEY);
  tell();
}

/**
 * Shows a notification; undefined: this browser cannot. Chrome for Android has the constructor, which throws. Only calling it shows this. The
 * result is stored: otherwise the switch would promise notifications again after a reload.
 */
export function showNotification(title: string, options: NotificationOptions): Notification | undefined {
  try {
    return new Notification(title, options);
  } catch {
    localStorage.setItem(KEY, 'unsupported');
    tell();
    return undefined;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  // Of another tab.
  window.addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

export function useNotificationState(): NotificationState {
  return useSyncExternalStore(subscribe, notificationState);
}
