import { onlineManager } from '@tanstack/react-query';
import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { StartJob } from '../../src/console/views/report/start-job.tsx';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(() => {
  cleanup();
  onlineManager.setOnline(true);
  vi.unstubAllGlobals();
});

it('rejects an action at once without a connection, and does not repeat it later', async () => {
  const network = vi.fn(() => Promise.reject(new TypeError('Failed to fetch')));
  vi.stubGlobal('fetch', network);
  onlineManager.setOnline(false);
  const report = { report_type: 'org', report_id: '00000000-0000-4000-8000-000000000002' } as const;
  renderSignedIn(
    browserClient(network),
    <StartJob report={report} initialPrompt={undefined} hasFinal={false} />,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Start prelim job' }));
  expect((await screen.findByRole('alert')).textContent).toMatch(
    /cannot be reached.*Repeat your last change/,
  );
  act(() => onlineManager.setOnline(true));
  await act(() => new Promise((resolve) => setTimeout(resolve, 50)));
  expect(network).toHaveBeenCalledTimes(1);
});
