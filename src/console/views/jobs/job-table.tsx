import type { OperatorJob } from '../../../contracts/console-jobs.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { JobRow } from './job-row.tsx';
import styles from './jobs.module.css';

export function JobTable({ jobs }: { jobs: readonly OperatorJob[] }) {
  const keys = useRowKeys(jobs.map(({ job_id }) => job_id));
  // The roles are said again: on a phone the cells are laid out as cards, which takes a table's meaning away.
  return (
    <table role="table" aria-label="Jobs" className={`table ${styles['table'] ?? ''}`}>
      <thead role="rowgroup">
        <tr role="row">
          {['State', 'Report and owner', 'Requested', 'Runner', 'Outcome'].map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
          <th role="columnheader" scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup" {...keys.list}>
        {jobs.map((job) => (
          <JobRow key={job.job_id} job={job} row={keys.row(job.job_id)} />
        ))}
      </tbody>
    </table>
  );
}
