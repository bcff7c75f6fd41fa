import { useSyncExternalStore } from 'react';
import { z } from 'zod';

export const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'polaris-theme';
const stored = z.enum(THEMES).catch('system');
const listeners = new Set<() => void>();

function read(): Theme {
  return stored.parse(localStorage.getItem(KEY));
}

/** The stylesheets take every colour by `light-dark()`: all there is to switch is the colour scheme. */
export function applyTheme(): void {
  const theme = read();
  document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
}

export function setTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  // Another tab of this device has changed it.
  function onStorage(): void {
    applyTheme();
    listener();
  }
  window.addEventListener('storage', onStorage);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', onStorage);
  };
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, read);
}
