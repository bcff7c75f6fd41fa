import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { Button } from '../../src/console/ui/button.tsx';

afterEach(cleanup);

it('keeps the focus while it is busy, says so, and does nothing when it is pressed again', async () => {
  const press = vi.fn();
  const { rerender } = render(<Button onClick={press}>Retry</Button>);
  const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Retry' });
  await userEvent.click(button);
  expect(press).toHaveBeenCalledTimes(1);
  // What else would disable it does not, while it is busy itself.
  rerender(
    <Button isBusy disabled onClick={press}>
      Retry
    </Button>,
  );
  expect(document.activeElement).toBe(button);
  expect(button.disabled).toBe(false);
  expect(button.getAttribute('aria-disabled')).toBe('true');
  await userEvent.keyboard('{Enter}');
  await userEvent.click(button);
  expect(press).toHaveBeenCalledTimes(1);
});

it('sends a form no second time while it is busy', async () => {
  const send = vi.fn((event: Event) => event.preventDefault());
  render(
    <form aria-label="form">
      <input aria-label="Name" />
      <Button type="submit" isBusy>
        Create
      </Button>
    </form>,
  );
  screen.getByRole('form').addEventListener('submit', send);
  await userEvent.type(screen.getByLabelText('Name'), 'x{Enter}');
  fireEvent.click(screen.getByRole('button'));
  expect(send).not.toHaveBeenCalled();
});
