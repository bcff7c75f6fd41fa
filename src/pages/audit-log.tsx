import { Page } from '../components/page.tsx';
import { EmptyState } from '../components/states.tsx';

export function AuditLog() {
  return (
    <Page title="Audit log">
      <EmptyState title="To come" />
    </Page>
  );
}
