import { useState, type FocusEvent, type KeyboardEvent } from 'react';

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity } as const;

function isStep(key: string): key is keyof typeof STEPS {
  return Object.hasOwn(STEPS, key);
}

/** What a row of a list must have. */
export interface RowKeys {
  'data-row': string;
  tabIndex: 0 | -1;
  onFocus: (event: FocusEvent) => void;
}

/**
 * The keys of a list: arrows, Home and End go from row to row, Enter opens a row's first link (or what has `data-opens`), Space
 * chooses it where it can be chosen, Esc goes from inside a row back to it, and from there calls `onEscape`. Tab stops at one row,
 * and then at what is in it.
 */
export function useRowKeys(ids: readonly string[], onEscape?: () => void) {
  const [last, setLast] = useState<string | null>(null);
  const current = last !== null && ids.includes(last) ? last : ids[0];

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const { target, currentTarget: list, key } = event;
    if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = target.closest<HTMLElement>('[data-row]');
    // What is typed, or read by scrolling, keeps its keys.
    if (
      row === null ||
      !list.contains(row) ||
      target.closest('input:not([type="checkbox"]), select, textarea, dl')
    ) {
      return;
    }
    const isRow = target === row;
    if (isStep(key)) {
      const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')];
      const at = rows.indexOf(row) + STEPS[key];
      rows[Math.min(Math.max(at, 0), rows.length - 1)]?.focus();
    } else if (key === 'Enter' && isRow) {
      (row.querySelector<HTMLElement>('[data-opens]') ?? row.querySelector<HTMLElement>('a[href]'))?.click();
    } else if (key === ' ' && isRow) {
      row.querySelector<HTMLElement>('input[type="checkbox"]')?.click();
    } else if (key === 'Escape' && !isRow) {
      row.focus();
    } else if (key === 'Escape' && onEscape !== undefined) {
      onEscape();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    list: { onKeyDown },
    row: (id: string): RowKeys => ({
      'data-row': id,
      tabIndex: id === current ? 0 : -1,
      onFocus: () => setLast(id),
    }),
  };
}
