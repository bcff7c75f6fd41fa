import { Page } from '../components/page.tsx';
import { EmptyState } from '../components/states.tsx';

export function MyReports() {
  return (
    <Page title="My reports">
      <EmptyState title="To come" />
    </Page>
  );
}
