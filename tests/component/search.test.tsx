import { cleanup, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { SearchDialog } from '../../src/console/views/search/search-dialog.tsx';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);
// jsdom has no layout.
Element.prototype.scrollIntoView = () => undefined;

const NOTHING = { reports: [], jobs: [], events: [], deliveries: [], owners: [] };
const job = (number: number) => ({
  job_id: `job_${number}`,
  state: 'failed',
  report_type: null,
  report_id: null,
  stage: null,
  created_at: '2026-11-25T12:00:00Z',
});

/** A client whose search answers with this, and every text that it was asked for. */
function answering(found: object) {
  const asked: string[] = [];
  const client = browserClient(async (url, init) => {
    const { p_text } = (await new Request(url, init).json()) as { p_text: string };
    asked.push(p_text);
    return Response.json({ ...NOTHING, ...found });
  });
  return { client, asked };
}

it('chooses by arrow keys, round and round, and opens by Enter', async () => {
  const { client } = answering({ jobs: [job(1), job(2), job(3)] });
  const onClose = vi.fn();
  renderSignedIn(client, <SearchDialog onClose={onClose} />);
  const input = screen.getByRole('combobox');
  await userEvent.type(input, 'job_');
  await screen.findByRole('option', { name: /job_1/ });
  const chosen = () => screen.getByRole('option', { selected: true }).textContent;
  expect(chosen()).toContain('job_1');
  await userEvent.keyboard('{ArrowDown}{ArrowDown}');
  expect(chosen()).toContain('job_3');
  await userEvent.keyboard('{ArrowDown}');
  expect(chosen()).toContain('job_1');
  await userEvent.keyboard('{ArrowUp}');
  expect(chosen()).toContain('job_3');
  expect(input.getAttribute('aria-activedescendant')).toBe(screen.getByRole('option', { selected: true }).id);
  await userEvent.keyboard('{Enter}');
  expect(onClose).toHaveBeenCalledOnce();
  expect(location.href).toContain('search=job_3');
});

it('looks an address up by Enter alone, and once', async () => {
  const { client, asked } = answering({
    owners: [{ user_id: '00000000-0000-4000-8000-000000000001', email: 'a@b.example' }],
  });
  renderSignedIn(client, <SearchDialog onClose={vi.fn()} />);
  await userEvent.type(screen.getByRole('combobox'), 'a@b.example');
  expect(screen.getByRole('status').textContent).toContain('Press Enter to look up this address');
  // Longer than typing rests.
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(asked.filter((text) => text.includes('@'))).toEqual([]);
  await userEvent.keyboard('{Enter}');
  await screen.findByRole('option', { name: /a@b.example/ });
  expect(asked).toEqual(['a@b.example']);
});

it('says that nothing was found, and what can be sought before anything is typed', async () => {
  const { client, asked } = answering({});
  renderSignedIn(client, <SearchDialog onClose={vi.fn()} />);
  expect(screen.getByRole('status').textContent).toContain('whole e-mail address');
  await userEvent.type(screen.getByRole('combobox'), 'a');
  await userEvent.type(screen.getByRole('combobox'), 'bc');
  expect(await screen.findByText('Nothing found.')).toBeTruthy();
  expect(asked).toEqual(['abc']);
});

it('does not say that nothing was found when the search failed', async () => {
  const client = browserClient(() => Response.json({ code: '42501', message: 'denied' }, { status: 403 }));
  renderSignedIn(client, <SearchDialog onClose={vi.fn()} />);
  await userEvent.type(screen.getByRole('combobox'), 'abc');
  expect(await screen.findByRole('alert')).toBeTruthy();
  expect(screen.getByRole('status').textContent).toBe('The search failed.');
});
