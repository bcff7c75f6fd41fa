import { QueryClient } from '@tanstack/react-query';
import { cleanup, fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { reportQuery } from '../../src/console/views/report/queries.ts';
import { OwnerReport } from '../../src/console/views/report/owner-report.tsx';
import { browserClient, PERSON, type Network } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);

const REPORT = { report_type: 'org', report_id: '00000000-0000-4000-8000-000000000002' } as const;
const AT = '2026-11-25T12:00:00+00:00';
const shared = {
  research_status: 'running',
  stage: null,
  winner_event_id: null,
  webhook_status: 'pending',
  webhook_attempts: 3,
  webhook_last_attempt: null,
  webhook_job_id: 'job',
  webhook_response: null,
  updated_at: AT,
};
const record = {
  ...shared,
  id: REPORT.report_id,
  user_id: PERSON.id,
  summary_id: null,
  user_data: { organisation_name: 'Harbour' },
  research_report: null,
  research_metadata: {},
  created_at: AT,
};
const refused = () => Response.json({ code: '42501', message: 'denied' }, { status: 403 });

it('keeps what it shows, and what was typed, when it cannot refresh', async () => {
  let isRecordRead = false;
  let statusReads = 0;
  const network: Network = ({ pathname }) => {
    if (pathname.endsWith('/list_report_jobs')) return Response.json({ rows: [], next: null });
    if (pathname.endsWith('/report_webhook_status')) {
      statusReads += 1;
      // A result arrives, then nothing more is told.
      if (statusReads > 3) return refused();
      const winner_event_id = statusReads > 2 ? 'event' : null;
      return Response.json({ ...REPORT, ...shared, title: 'Harbour', winner_event_id, delivery: null });
    }
    if (isRecordRead) return refused();
    isRecordRead = true;
    return Response.json([record]);
  };
  renderSignedIn(browserClient(network), <OwnerReport report={REPORT} />);
  fireEvent.change(await screen.findByLabelText('Instructions'), { target: { value: 'Half a thought' } });
  // The record's, and that of how its webhook stands.
  await waitFor(() => expect(screen.getAllByText(/^Cannot refresh/)).toHaveLength(2), { timeout: 8000 });
  expect(screen.getByRole('heading', { level: 1, name: 'Harbour' })).toBeDefined();
  expect(screen.getByLabelText<HTMLTextAreaElement>('Instructions').value).toBe('Half a thought');
});

it('does not ask by itself again for a report that it could never read', async () => {
  const client = new QueryClient();
  const query = { ...reportQuery(browserClient(refused), REPORT), retry: false };
  await expect(client.query(query)).rejects.toThrow();
  const cached = client.getQueryCache().find({ queryKey: query.queryKey });
  const { refetchInterval } = reportQuery(browserClient(refused), REPORT);
  expect(typeof refetchInterval === 'function' && refetchInterval(cached as never)).toBe(false);
});

it('marks as read also what is told of a final that arrives while the report is open', async () => {
  let hasFinal = false;
  let marks = 0;
  const network: Network = ({ pathname }, init) => {
    if (pathname.endsWith('/list_report_jobs')) return Response.json({ rows: [], next: null });
    if (pathname.endsWith('/report_notifications')) {
      if (init?.method === 'PATCH') marks += 1;
      return Response.json([]);
    }
    const winner_event_id = hasFinal ? 'evt_final' : 'evt_prelim';
    if (pathname.endsWith('/report_webhook_status')) {
      return Response.json({ ...REPORT, ...shared, title: 'Harbour', winner_event_id, delivery: null });
    }
    return Response.json([{ ...record, winner_event_id }]);
  };
  renderSignedIn(browserClient(network), <OwnerReport report={REPORT} />);
  await waitFor(() => expect(marks).toBe(1), { timeout: 10_000 });
  hasFinal = true;
  await waitFor(() => expect(marks).toBe(2), { timeout: 10_000 });
});
