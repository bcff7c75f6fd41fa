import { cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { useRowKeys } from '../../src/console/ui/use-row-keys.ts';

afterEach(cleanup);

const focused = () => document.activeElement?.getAttribute('data-row') ?? document.activeElement?.textContent;

function List({ onOpen, onEscape }: { onOpen?: (id: string) => void; onEscape?: () => void }) {
  const [ids, setIds] = useState(['a', 'b', 'c']);
  const keys = useRowKeys(ids, onEscape);
  return (
    <>
      <ul {...keys.list}>
        {ids.map((id) => (
          <li key={id} {...keys.row(id)}>
            <input type="checkbox" aria-label={`choose ${id}`} />
            <a
              href={`#${id}`}
              onClick={(event) => {
                event.preventDefault();
                onOpen?.(id);
              }}
            >
              open {id}
            </a>
            <input aria-label={`note ${id}`} />
          </li>
        ))}
      </ul>
      <button onClick={() => setIds(['a', 'c'])}>remove</button>
    </>
  );
}

it('goes from row to row by the arrows, to the ends, and not beyond', async () => {
  render(<List />);
  await userEvent.tab();
  expect(focused()).toBe('a');
  for (const [key, row] of [
    ['{ArrowUp}', 'a'],
    ['{ArrowDown}', 'b'],
    ['{End}', 'c'],
    ['{ArrowDown}', 'c'],
    ['{Home}', 'a'],
  ] as const) {
    await userEvent.keyboard(key);
    expect(focused()).toBe(row);
  }
});

it('is one stop for Tab: the row that was left last, or the first where that is gone', async () => {
  render(<List />);
  await userEvent.tab();
  await userEvent.keyboard('{ArrowDown}');
  const stops = () =>
    screen
      .getAllByRole('listitem')
      .flatMap((row) => (row.tabIndex === 0 ? [row.getAttribute('data-row')] : []));
  expect(stops()).toEqual(['b']);
  await userEvent.click(screen.getByRole('button', { name: 'remove' }));
  expect(stops()).toEqual(['a']);
});

it('opens a row with Enter and chooses it with Space', async () => {
  const onOpen = vi.fn();
  render(<List onOpen={onOpen} />);
  await userEvent.tab();
  await userEvent.keyboard('{ArrowDown}{Enter}');
  expect(onOpen.mock.calls).toEqual([['b']]);
  await userEvent.keyboard(' ');
  expect(screen.getByLabelText<HTMLInputElement>('choose b').checked).toBe(true);
});

it('goes back to the row with Esc, and hands on a second Esc', async () => {
  const onEscape = vi.fn();
  render(<List onEscape={onEscape} />);
  await userEvent.tab();
  await userEvent.tab();
  await userEvent.keyboard('{Escape}');
  expect(focused()).toBe('a');
  expect(onEscape).not.toHaveBeenCalled();
  await userEvent.keyboard('{Escape}');
  expect(onEscape).toHaveBeenCalledOnce();
});

it('leaves the keys of what is typed alone', async () => {
  render(<List />);
  const note = screen.getByLabelText('note a');
  await userEvent.type(note, 'x{ArrowDown}{Home}y');
  expect(document.activeElement).toBe(note);
  expect((note as HTMLInputElement).value).toBe('yx');
});
