import { expect, it } from 'vitest';
import { MAX_TOKENS } from '../../../src/contracts/constants.ts';
import { jobRun } from '../../../src/server/jobs/job-run.ts';

const run = {
  job_id: 'job_1',
  lease_token: 1,
  report_type: null,
  report_id: null,
  stage: null,
  prompt: 'p',
  model: null,
  temperature: null,
  user_data: {},
  previous_report: null,
  summary: null,
  take_overs: 0,
  trace_id: null,
};

it.each([
  [2_000_000, MAX_TOKENS],
  [MAX_TOKENS, MAX_TOKENS],
  [100, 100],
  [null, null],
])('a job of the platform that asks for %s tokens is run with %s', (asked, granted) => {
  expect(jobRun.parse({ ...run, max_tokens: asked }).max_tokens).toBe(granted);
});
