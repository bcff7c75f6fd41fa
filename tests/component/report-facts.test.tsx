import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { ReportFacts } from '../../src/components/report/report-facts.tsx';
import type { ReportRecord } from '../../src/contracts/console-reports.ts';

afterEach(cleanup);

it('tells of states as they change, and of no time that moves on by itself', () => {
  const record = {
    research_status: 'completed',
    stage: 'final',
    webhook_job_id: 'job',
    webhook_status: 'failed',
    webhook_attempts: 2,
    webhook_last_attempt: '2026-11-25T11:59:00Z',
    // The rest is not looked at.
  } as ReportRecord;
  render(<ReportFacts record={record} webhook={undefined} />);
  const regions = (text: string) => screen.getByText(text).closest('[aria-live]');
  for (const name of ['Research', 'Stage', 'Webhook']) expect(regions(name)).not.toBeNull();
  for (const time of document.querySelectorAll('time')) expect(time.closest('[aria-live]')).toBeNull();
  expect(document.querySelectorAll('time')).toHaveLength(1);
});
