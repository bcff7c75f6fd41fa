import { pinnedAddress } from '../lib/time-range.ts';
import { notify } from '../lib/toasts.ts';
import { ActionIcon } from './action-icon.tsx';
import { Button } from './button.tsx';

/**
 * Copies the address of what is on the page: filters and selection are in it, and “the last hour” is the hour of now. `fields`:
 * what pins a view that has its time otherwise.
 */
export function CopyLink({ fields }: { fields?: Record<string, string> | undefined }) {
  async function copy(): Promise<void> {
    try {
      const url = new URL(pinnedAddress(location.href, Date.now()));
      for (const [name, value] of Object.entries(fields ?? {})) url.searchParams.set(name, value);
      await navigator.clipboard.writeText(url.href);
      notify({
        kind: 'success',
        title: 'Link copied',
        text: 'The link opens this view for people with access.',
      });
    } catch {
      notify({
        kind: 'error',
        title: 'The browser did not allow copying',
        text: 'Copy the address from the address bar instead.',
      });
    }
  }
  return (
    <Button size="small" onClick={() => void copy()}>
      <ActionIcon name="copy" /> Copy link
    </Button>
  );
}
