import type { ReactNode } from 'react';
import { Page } from '../components/page.tsx';
import { EmptyState } from '../components/states.tsx';
import { TabLinks } from '../components/tab-links.tsx';
import { WebhookMonitor } from '../components/WebhookMonitor.tsx';
import { useSession } from '../console/session.ts';

const TABS = [
  { href: '/debug', name: 'Debug', isForOperators: false },
  { href: '/monitor', name: 'Monitor', isForOperators: true },
];

/** Reports from both sides: Debug makes one and watches it, Monitor watches all. Each tab is a view with its address. */
export function ReportsDebug({ tab, children }: { tab: '/debug' | '/monitor'; children: ReactNode }) {
  const { isOperator } = useSession();
  const tabs = TABS.filter(({ isForOperators }) => isOperator || !isForOperators);
  return (
    <Page
      title={tab === '/debug' ? 'Debug' : 'Monitor'}
      tabs={tabs.length > 1 && <TabLinks label="Reports" current={tab} tabs={tabs} />}
    >
      {children}
    </Page>
  );
}

export function DebugTab() {
  return (
    <ReportsDebug tab="/debug">
      <EmptyState title="To come" />
    </ReportsDebug>
  );
}

export function MonitorTab() {
  return (
    <ReportsDebug tab="/monitor">
      <WebhookMonitor />
    </ReportsDebug>
  );
}
