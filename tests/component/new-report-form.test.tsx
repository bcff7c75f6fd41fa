import { cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { NewReportForm } from '../../src/console/views/new-report/new-report-form.tsx';
import { browserClient, PERSON } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

it('says at its field what is wrong with a finished text, and sends nothing', async () => {
  const network = vi.fn(() => Response.json([]));
  renderSignedIn(browserClient(network), <NewReportForm onCreated={() => undefined} />);
  for (const label of ['Full name', 'Job title', 'Organisation name']) {
    fireEvent.change(screen.getByLabelText(label), { target: { value: 'Ada' } });
  }
  const text = screen.getByLabelText<HTMLTextAreaElement>('Text optional');
  fireEvent.change(text, { target: { value: 'a report\u0000' } });
  fireEvent.click(screen.getByRole('button', { name: 'Create report' }));
  await vi.waitFor(() => expect(document.activeElement).toBe(text), 10_000);
  expect(text.closest('details')?.open).toBe(true);
  const described = (text.getAttribute('aria-describedby') ?? '').split(' ');
  expect(described.map((id) => document.getElementById(id)?.textContent)).toContain(
    'must not contain U+0000 or unpaired surrogates',
  );
  expect(screen.queryByRole('alert')).toBeNull();
  expect(network).not.toHaveBeenCalled();
});

it('restores the draft when it is reopened, for the same person only', () => {
  const client = browserClient(() => Response.json([]));
  renderSignedIn(client, <NewReportForm onCreated={() => undefined} />);
  fireEvent.change(screen.getByLabelText('Full name'), { target: { value: 'Ada' } });
  fireEvent.change(screen.getByLabelText('Instructions'), { target: { value: 'Be brief' } });
  cleanup();
  renderSignedIn(client, <NewReportForm onCreated={() => undefined} />);
  expect(screen.getByLabelText<HTMLInputElement>('Full name').value).toBe('Ada');
  expect(screen.getByLabelText<HTMLTextAreaElement>('Instructions').value).toBe('Be brief');
  cleanup();
  const draft = sessionStorage.getItem('polaris-new-report') ?? '';
  sessionStorage.setItem('polaris-new-report', draft.replace(PERSON.id, 'somebody else'));
  renderSignedIn(client, <NewReportForm onCreated={() => undefined} />);
  expect(screen.getByLabelText<HTMLInputElement>('Full name').value).toBe('');
});

it.each(['{', '{"userId": 7}', 'null'])('begins empty where the draft is %s', (draft) => {
  sessionStorage.setItem('polaris-new-report', draft);
  renderSignedIn(
    browserClient(() => Response.json([])),
    <NewReportForm onCreated={() => undefined} />,
  );
  expect(screen.getByLabelText<HTMLInputElement>('Full name').value).toBe('');
});

it('forgets what was typed once the report is created', async () => {
  const created = vi.fn();
  const row = {
    id: '00000000-0000-4000-8000-000000000009',
    user_id: PERSON.id,
    user_data: {},
    research_report: null,
    research_status: 'pending',
    research_metadata: {},
    summary_id: null,
    stage: null,
    winner_event_id: null,
    webhook_status: 'pending',
    webhook_attempts: 0,
    webhook_job_id: null,
    webhook_response: {},
    webhook_last_attempt: null,
    created_at: '2026-11-25T12:00:00Z',
    updated_at: '2026-11-25T12:00:00Z',
  };
  renderSignedIn(
    browserClient(() => Response.json([row], { status: 201 })),
    <NewReportForm onCreated={created} />,
  );
  for (const label of ['Full name', 'Job title', 'Organisation name']) {
    fireEvent.change(screen.getByLabelText(label), { target: { value: 'Ada' } });
  }
  expect(sessionStorage.getItem('polaris-new-report')).toContain('Ada');
  fireEvent.click(screen.getByRole('button', { name: 'Create report' }));
  await vi.waitFor(() => expect(sessionStorage.getItem('polaris-new-report')).toBeNull(), 10_000);
});
