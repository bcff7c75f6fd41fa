import { cleanup, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { Attempt, compareAttempts } from '../../src/console/views/audit/attempt.tsx';
import { shellCommand } from '../../src/console/views/audit/shell-command.ts';
import type { AuditRow } from '../../src/contracts/console-audit.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);

const row: AuditRow = {
  id: '00000000-0000-4000-8000-000000000001',
  created_at: '2026-11-25T12:00:00Z',
  direction: 'out',
  endpoint_id: 'prelim-report',
  outcome: 'failed',
  response_status: 502,
  report_id: null,
  job_id: null,
  event_id: 'evt_1',
  attempt_number: 2,
  duration_ms: 20,
  error_message: 'answered 502',
  actor: null,
  webhook_type: null,
  report_table: null,
  request_payload: {
    id: 'evt_1',
    url: 'https://a.example/api/webhooks/prelim-report',
    headers: { 'webhook-timestamp': '2', 'webhook-signature': '(not stored)' },
  },
  response_body: { body: 'Bad \u202egateway', headers: { server: 'nginx', date: 'now' } },
  body_sha256: null,
  body_bytes: null,
};

it('shows how two attempts differ, without values that always differ', () => {
  const before: AuditRow = {
    ...row,
    attempt_number: 1,
    response_status: 503,
    request_payload: { ...(row.request_payload as object), headers: { 'webhook-timestamp': '1' } },
    response_body: { body: 'Busy', headers: { date: 'then' } },
  };
  expect(compareAttempts(row, row)).toEqual([]);
  expect(compareAttempts(before, row)).toEqual([
    { name: 'Status', before: '503', now: '502' },
    { name: 'Answer', before: 'Busy', now: 'Bad \u202egateway' },
    { name: 'Sent webhook-signature', before: 'none', now: '(not stored)' },
    { name: 'Answered server', before: 'none', now: 'nginx' },
  ]);
  // A row of an earlier version has neither.
  expect(compareAttempts({ ...row, request_payload: { id: 'evt_1' } }, row)[0]).toEqual({
    name: 'Address',
    before: 'not recorded',
    now: 'https://a.example/api/webhooks/prelim-report',
  });
});

it('shows request and answer as they were on the wire, with invisible marks escaped', async () => {
  renderSignedIn(
    browserClient(() => Promise.resolve(Response.json([]))),
    <Attempt row={row} hrefOfRow={(id) => `/${id}`} />,
  );
  expect((await screen.findByRole('region', { name: 'Request' })).textContent).toContain(
    'POST https://a.example/api/webhooks/prelim-report\nwebhook-timestamp: 2',
  );
  expect(screen.getByRole('region', { name: 'Answer' }).textContent).toContain(
    '502\nserver: nginx\ndate: now\n\nBad \\u{202e}gateway',
  );
});

it('shows an answer that is stored as a text alone', () => {
  expect(compareAttempts({ ...row, response_body: 'Busy' }, { ...row, response_body: 'Gone' })).toEqual([
    { name: 'Answer', before: 'Busy', now: 'Gone' },
  ]);
});

it('quotes what it puts into a shell', () => {
  const command = shellCommand({
    url: undefined,
    endpointId: 'final-report',
    eventId: 'evt_1',
    body: "it's",
    needsBypass: true,
  });
  expect(command).toContain(`printf %s 'it'\\''s' >`);
  expect(command).toContain('-X POST "${WEBHOOK_BASE_URL%% *}/final-report"');
  expect(command).toContain('$VERCEL_AUTOMATION_BYPASS_SECRET');
});

it('offers the command only for our own endpoints: a subscriber has another body and another secret', async () => {
  const client = browserClient(() => Promise.resolve(Response.json([])));
  renderSignedIn(client, <Attempt row={row} hrefOfRow={(id) => `/${id}`} />);
  expect(await screen.findByRole('button', { name: 'Copy as a shell command' })).toBeTruthy();
  cleanup();
  renderSignedIn(
    client,
    <Attempt row={{ ...row, endpoint_id: 'ep-0123456789abcdef' }} hrefOfRow={(id) => `/${id}`} />,
  );
  expect(await screen.findByRole('region', { name: 'Request' })).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Copy as a shell command' })).toBeNull();
});
