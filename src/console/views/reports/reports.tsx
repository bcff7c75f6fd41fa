import { lazy } from 'react';
import { useSession } from '../../lib/session.ts';

const AllReports = lazy(async () => ({ default: (await import('./page.tsx')).AllReports }));
const MyReports = lazy(async () => ({ default: (await import('./my-reports.tsx')).MyReports }));

/** Everybody's for operators, one's own for everybody else. */
export function Reports() {
  const { isOperator } = useSession();
  return isOperator ? <AllReports /> : <MyReports />;
}
