import { Link } from 'raviger';
import { Page } from '../ui/page.tsx';
import { EmptyState } from '../ui/states.tsx';

export function NotFound() {
  return (
    <Page title="Not found">
      <EmptyState title="Page not found">
        Check the link, or go to the <Link href="/">start page</Link>.
      </EmptyState>
    </Page>
  );
}
