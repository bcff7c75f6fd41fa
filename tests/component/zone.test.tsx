import { act, cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ExactTime } from '../../src/console/ui/exact-time.tsx';
import { FilterChips } from '../../src/console/ui/filter-chips.tsx';
import { ThemeSwitch } from '../../src/console/app/theme-switch.tsx';
import { TimesSwitch } from '../../src/console/app/times-switch.tsx';
import { setZone } from '../../src/console/lib/times.ts';
import { fromLocalInput, toLocalInput } from '../../src/console/lib/time-range.ts';

beforeEach(() => vi.stubEnv('TZ', 'Asia/Kolkata'));
afterEach(() => {
  cleanup();
  localStorage.clear();
  act(() => setZone('local'));
  vi.unstubAllEnvs();
});

it('shows times in the zone that was chosen, names it, and remembers it on this device', async () => {
  const part = (
    <>
      <TimesSwitch />
      <ExactTime value="2026-11-25T20:00:00Z" />
    </>
  );
  const { unmount, container } = render(part);
  expect(container.textContent).toMatch(/Nov 26, 2026, 1:30:00\sAM GMT\+5:30/);
  await userEvent.click(screen.getByLabelText('UTC'));
  expect(container.textContent).toMatch(/Nov 25, 2026, 8:00:00\sPM UTC/);
  expect(localStorage.getItem('polaris-times')).toBe('utc');
  unmount();
  expect(render(part).container.textContent).toMatch(/8:00:00\sPM UTC/);
});

it('treats any other stored value as the time of the device', () => {
  localStorage.setItem('polaris-times', 'mars');
  expect(render(<ExactTime value="2026-11-25T20:00:00Z" />).container.textContent).toMatch(/GMT\+5:30/);
});

it('takes the theme of another tab of this device', () => {
  render(<ThemeSwitch />);
  localStorage.setItem('polaris-theme', 'dark');
  act(() => void window.dispatchEvent(new StorageEvent('storage', { key: 'polaris-theme' })));
  expect(screen.getByLabelText<HTMLInputElement>('Dark').checked).toBe(true);
  expect(document.documentElement.style.colorScheme).toBe('dark');
});

it('follows another tab of this device', () => {
  const { container } = render(<ExactTime value="2026-11-25T20:00:00Z" />);
  localStorage.setItem('polaris-times', 'utc');
  act(() => {
    window.dispatchEvent(new StorageEvent('storage', { key: 'polaris-times' }));
  });
  expect(container.textContent).toMatch(/UTC/);
});

it('types times in that zone', () => {
  expect(fromLocalInput('2026-11-25T20:00', 'utc')).toBe('2026-11-25T20:00:00.000Z');
  expect(fromLocalInput('2026-11-25T20:00', 'local')).toBe('2026-11-25T14:30:00.000Z');
  expect(toLocalInput('2026-11-25T20:00:00Z', 'utc')).toBe('2026-11-25T20:00');
  expect(toLocalInput('2026-11-25T20:00:00Z', 'local')).toBe('2026-11-26T01:30');
});

it('says filters in words, each of which a press removes', async () => {
  const removed: string[] = [];
  const chips = (range: object) => (
    <FilterChips
      filters={[
        { name: 'Stage', value: 'Final', onRemove: () => removed.push('stage') },
        { name: 'Answer', value: undefined, onRemove: () => removed.push('answer') },
      ]}
      time={{ name: 'When', range, onRemove: () => removed.push('when') }}
    />
  );
  const { rerender } = render(chips({ since: 'hour' }));
  const words = () => screen.queryAllByRole('listitem').map(({ textContent }) => textContent);
  expect(words()).toEqual(['Remove the filter StageFinal✕', 'Remove the filter Whenlast hour✕']);
  await userEvent.click(screen.getByRole('button', { name: /When/ }));
  await userEvent.click(screen.getByRole('button', { name: /Stage/ }));
  expect(removed).toEqual(['when', 'stage']);
  act(() => setZone('utc'));
  rerender(chips({ since: 'between', after: '2026-11-25T20:00:00Z' }));
  expect(words()[1]).toMatch(/Whenfrom Nov 25, 2026, 8:00\sPM \(UTC\)/);
  rerender(chips({ since: 'between' }));
  expect(words()).toEqual(['Remove the filter StageFinal✕']);
});
