import { cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { AccountToErase } from '../../src/console/views/erasure/account-to-erase.tsx';
import { ErasedList } from '../../src/console/views/erasure/erased-list.tsx';

afterEach(cleanup);

const USER = '00000000-0000-4000-8000-0000000000ab';
const account = {
  user_id: USER,
  email: 'ada@example.com',
  has_account: true,
  content: [
    { what: 'org_reports', things: 2 },
    { what: 'events with content', things: 5 },
  ],
  kept: [{ place: 'profiles.full_name', things: 1 }],
};

it('erases only once the whole id is typed, by button or Enter', async () => {
  const onErase = vi.fn();
  render(<AccountToErase account={account} isBusy={false} error={null} onErase={onErase} />);
  const input = screen.getByLabelText('Type the user’s id to confirm');
  for (const typed of ['ada@example.com{Enter}', 'org_reports{Enter}', `${USER.slice(0, -1)}{Enter}`]) {
    await userEvent.clear(input);
    await userEvent.type(input, typed);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Erase the content' }).disabled).toBe(true);
  }
  expect(onErase).not.toHaveBeenCalled();
  await userEvent.clear(input);
  await userEvent.type(input, ` ${USER.toUpperCase()} {Enter}`);
  expect(onErase).toHaveBeenCalledExactlyOnceWith(USER);
});

it('says what will go and what the platform keeps', () => {
  render(<AccountToErase account={account} isBusy={false} error={null} onErase={vi.fn()} />);
  expect(screen.getByRole('row', { name: 'Org reports 2' })).toBeTruthy();
  expect(screen.getByRole('row', { name: 'profiles.full_name 1' })).toBeTruthy();
});

it('offers to go on where something is left', async () => {
  const onContinue = vi.fn();
  const erased = {
    user_id: USER,
    finished: false,
    erased: [{ what: 'jobs with content', things: 1, left: 3 }],
    kept: [],
  };
  const { rerender } = render(<ErasedList erased={erased} isBusy={false} onContinue={onContinue} />);
  expect(screen.getByRole('row', { name: 'Jobs with content 1 3' })).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Continue now' }));
  expect(onContinue).toHaveBeenCalledOnce();
  rerender(<ErasedList erased={{ ...erased, finished: true }} isBusy={false} onContinue={onContinue} />);
  expect(screen.queryByRole('button', { name: 'Continue now' })).toBeNull();
});
