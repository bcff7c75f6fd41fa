import { expect, it } from 'vitest';
import { jobsByKey } from '../../../tools/chaos/history/collect.ts';

const request = (key: string, stage: 'prelim' | 'final', begin: number, answer: string | null = null) => ({
  key,
  report: 'r',
  stage,
  begin,
  answer,
});
const job = (job_id: string, stage: string, at: number, key: string | null = null) => ({
  job_id,
  key,
  report_id: 'r',
  stage,
  at,
});

it('finds the job of a key by the database, and by an answer', () => {
  const requests = [request('one', 'prelim', 1), request('two', 'final', 2, 'job_2')];
  const jobs = [job('job_1', 'prelim', 5, 'one'), job('job_2', 'final', 6)];
  expect([...jobsByKey(requests, jobs)]).toEqual([
    ['one', 'job_1'],
    ['two', 'job_2'],
  ]);
});

it('gives a job whose key is erased to a request that may have made it', () => {
  // The prelim was refused, since there was a final; the other final was first requested after the job was made.
  const requests = [
    request('prelim', 'prelim', 1),
    request('final', 'final', 2),
    request('later', 'final', 900),
  ];
  expect([...jobsByKey(requests, [job('job_1', 'final', 500)])]).toEqual([['final', 'job_1']]);
  expect([...jobsByKey(requests.slice(0, 1), [job('job_1', 'final', 500)])]).toEqual([]);
  expect([...jobsByKey(requests.slice(2), [job('job_1', 'final', 500)])]).toEqual([]);
  expect([...jobsByKey(requests, [job('job_1', 'final', 500), job('job_2', 'final', 950)])]).toEqual([
    ['final', 'job_1'],
    ['later', 'job_2'],
  ]);
});
