import { EmptyState } from './states.tsx';

/** The Monitor tab of ReportsDebug. */
export function WebhookMonitor() {
  return <EmptyState title="To come" />;
}
