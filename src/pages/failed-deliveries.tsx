import { Page } from '../components/page.tsx';
import { EmptyState } from '../components/states.tsx';

export function FailedDeliveries() {
  return (
    <Page title="Failed deliveries">
      <EmptyState title="To come" />
    </Page>
  );
}
