import { cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { NewReportForm } from '../../src/components/report/new-report-form.tsx';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(cleanup);

it('says at its field what is wrong with a finished text, and sends nothing', async () => {
  const network = vi.fn(() => Response.json([]));
  renderSignedIn(browserClient(network), <NewReportForm onCreated={() => undefined} />);
  for (const label of ['Full name', 'Job title', 'Organisation name']) {
    fireEvent.change(screen.getByLabelText(label), { target: { value: 'Ada' } });
  }
  const text = screen.getByLabelText<HTMLTextAreaElement>('Text optional');
  fireEvent.change(text, { target: { value: 'a report\u0000' } });
  fireEvent.click(screen.getByRole('button', { name: 'Create report' }));
  await vi.waitFor(() => expect(document.activeElement).toBe(text));
  expect(text.closest('details')?.open).toBe(true);
  const described = (text.getAttribute('aria-describedby') ?? '').split(' ');
  expect(described.map((id) => document.getElementById(id)?.textContent)).toContain(
    'must not contain U+0000 or unpaired surrogates',
  );
  expect(screen.queryByRole('alert')).toBeNull();
  expect(network).not.toHaveBeenCalled();
});
