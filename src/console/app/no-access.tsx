import { Link } from 'raviger';
import { Page } from '../ui/page.tsx';
import { EmptyState } from '../ui/states.tsx';
import { useSession } from '../lib/session.ts';

/** For an owner who opens an operator's view, by a link that was shared, say. */
export function NoAccess({ view }: { view: string }) {
  const { user } = useSession();
  return (
    <Page title="Only for operators">
      <EmptyState title={`${view} is for operators`}>
        You are signed in as {user.email}, who is not an operator. Ask an operator to add you, or go to{' '}
        <Link href="/reports">your reports</Link>.
      </EmptyState>
    </Page>
  );
}
