import { cleanup, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import { afterEach, expect, it } from 'vitest';
import { AuditFilters } from '../../src/console/views/audit/audit-filters.tsx';
import type { AuditFilter } from '../../src/console/views/audit/queries.ts';
import { browserClient, PERSON } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);

function open(): { told: unknown[]; answer: HTMLInputElement } {
  const told: unknown[] = [];
  function Host() {
    const [status, setStatus] = useState<AuditFilter['response_status']>();
    return (
      <AuditFilters
        filter={{ response_status: status }}
        onChange={({ answer, actor }) => {
          told.push(answer ?? actor);
          setStatus(answer === 'none' ? 'none' : Number(answer) || undefined);
        }}
        onClear={() => setStatus(undefined)}
      />
    );
  }
  renderSignedIn(
    browserClient(() => Response.json([{ id: PERSON.id, email: PERSON.email, operator: true }])),
    <Host />,
  );
  return { told, answer: screen.getByLabelText('Answer') };
}

it.each(['302', '408', '520', 'none'])('finds answers of status %s, which is typed', async (status) => {
  const { told, answer } = open();
  await userEvent.type(answer, status);
  expect(told).toEqual([status]);
  expect(answer.value).toBe(status);
  await userEvent.clear(answer);
  expect(told).toEqual([status, '']);
});

it('lists the valid answers when something else is typed', async () => {
  const { told, answer } = open();
  await userEvent.type(answer, '999');
  expect(screen.queryByText(/from 100 to 599/)).toBeNull();
  await userEvent.tab();
  expect(screen.getByText('A status from 100 to 599, or none.')).toBeDefined();
  expect(answer.getAttribute('aria-invalid')).toBe('true');
  expect(told).toEqual([]);
});

it('discards unfinished input when the filters are cleared', async () => {
  const { answer } = open();
  await userEvent.type(answer, '502{Backspace}');
  expect(answer.value).toBe('50');
  await userEvent.click(screen.getByRole('button', { name: 'Clear filters' }));
  expect(answer.value).toBe('');
  expect(screen.queryByText(/from 100 to 599/)).toBeNull();
});

it('finds what a person did by their address, and also the cron and senders', async () => {
  const { told } = open();
  await screen.findByRole('option', { name: PERSON.email });
  const who = screen.getByLabelText('Who');
  for (const name of [PERSON.email, 'The cron', 'Senders of webhooks'])
    await userEvent.selectOptions(who, name);
  expect(told).toEqual([PERSON.id, 'cron', 'sender']);
});
