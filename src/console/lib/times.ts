import { useSyncExternalStore } from 'react';
import { z } from 'zod';

/** `local`: as the clock of this device. */
export const ZONES = ['local', 'utc'] as const;
export type Zone = (typeof ZONES)[number];

const KEY = 'polaris-times';
const stored = z.enum(ZONES).catch('local');
const listeners = new Set<() => void>();

function read(): Zone {
  return stored.parse(localStorage.getItem(KEY));
}

/** Remembered on this device. */
export function setZone(zone: Zone): void {
  localStorage.setItem(KEY, zone);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  // Another tab of this device has changed it.
  window.addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

export function useZone(): Zone {
  return useSyncExternalStore(subscribe, read);
}

const STYLES = {
  /** To the second, with the zone's name. */
  exact: { dateStyle: 'medium', timeStyle: 'long' },
  minute: { dateStyle: 'medium', timeStyle: 'short' },
  hour: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  dayAndHour: { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

const formats = new Map<string, Intl.DateTimeFormat>();

/** The one place that writes times for people. Making a format costs more than using it a thousand times. */
export function formatTime(time: Date, style: keyof typeof STYLES, zone: Zone): string {
  const key = `${style} ${zone}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(undefined, {
      ...STYLES[style],
      ...(zone === 'utc' && { timeZone: 'UTC' }),
    });
    formats.set(key, format);
  }
  return format.format(time);
}

/** As it stands beside times that do not have it. */
export function zoneName(zone: Zone): string {
  return zone === 'utc' ? 'UTC' : 'local time';
}
