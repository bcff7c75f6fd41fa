import { Page } from '../components/page.tsx';
import { EmptyState } from '../components/states.tsx';

export function Notifications() {
  return (
    <Page title="Notifications">
      <EmptyState title="To come" />
    </Page>
  );
}
