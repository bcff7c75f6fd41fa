import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { DeliveryFilters } from '../../src/console/views/deliveries/delivery-filters.tsx';
import { classifyAnswer } from '../../src/server/deliver/classify-answer.ts';
import { classifyError } from '../../src/server/deliver/classify-error.ts';

afterEach(cleanup);

it('offers as examples what is in the errors of deliveries', () => {
  render(<DeliveryFilters filter={{}} onChange={() => undefined} onClear={undefined} />);
  const { placeholder } = screen.getByLabelText<HTMLInputElement>('Error contains');
  const errors = [
    classifyAnswer(new Response('', { status: 502 }), '', { expects: 'own_answer', job_id: 'job' }, 0).error,
    classifyError(Object.assign(new Error(), { name: 'TimeoutError' })).error,
  ].join();
  const examples = placeholder.split(', ').filter((example) => example !== '…');
  expect(examples).toHaveLength(2);
  for (const example of examples) expect(errors).toContain(example);
});
