import { Page } from '../../ui/page.tsx';
import { WebhookMonitor } from './webhook-monitor.tsx';

export function Monitor() {
  return (
    <Page title="Overview">
      <WebhookMonitor />
    </Page>
  );
}
