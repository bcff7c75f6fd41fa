/** The platform's name for the views at `/debug`, where a report is made, and `/monitor`. */
export { NewReport as ReportsDebug } from '../console/views/new-report/page.tsx';
export { Monitor } from '../console/views/monitor/page.tsx';
