import { z } from 'zod';
import { reportType, stage } from '../../../contracts/webhooks.ts';
import { draftStore } from '../../lib/draft.ts';

export const newReportDraft = draftStore(
  'report',
  z.object({
    reportType,
    values: z.object({ texts: z.record(z.string(), z.string()), rest: z.string() }),
    prompt: z.string(),
    text: z.string(),
    stage,
  }),
);
