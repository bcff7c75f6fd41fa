import { lazy, type ComponentType } from 'react';

export interface Route {
  path: string;
  /** As the navigation names it. */
  name: string;
  /** Without one, it is not in the navigation: other views lead there. */
  group?: 'Webhooks' | 'Reports';
  audience: 'everyone' | 'operators';
  page: ComponentType;
}

const debugPage = () => import('../pages/ReportsDebug.tsx');

/** The views, in the order of the navigation. Filters and selection are each view's own, in the query (useSearch). */
export const ROUTES: readonly Route[] = [
  {
    path: '/monitor',
    name: 'Monitor',
    group: 'Webhooks',
    audience: 'operators',
    page: lazy(async () => ({ default: (await debugPage()).MonitorTab })),
  },
  {
    path: '/deliveries',
    name: 'Failed deliveries',
    group: 'Webhooks',
    audience: 'operators',
    page: lazy(async () => ({ default: (await import('../pages/failed-deliveries.tsx')).FailedDeliveries })),
  },
  {
    path: '/jobs',
    name: 'Jobs',
    group: 'Webhooks',
    audience: 'operators',
    page: lazy(async () => ({ default: (await import('./views/jobs/page.tsx')).Jobs })),
  },
  {
    path: '/audit',
    name: 'Audit log',
    group: 'Webhooks',
    audience: 'operators',
    page: lazy(async () => ({ default: (await import('../pages/audit-log.tsx')).AuditLog })),
  },
  {
    path: '/erasure',
    name: 'Erasure',
    audience: 'operators',
    page: lazy(async () => ({ default: (await import('./views/erasure/page.tsx')).Erasure })),
  },
  {
    path: '/debug',
    name: 'Debug',
    group: 'Reports',
    audience: 'everyone',
    page: lazy(async () => ({ default: (await debugPage()).DebugTab })),
  },
  {
    path: '/reports',
    name: 'My reports',
    group: 'Reports',
    audience: 'everyone',
    page: lazy(async () => ({ default: (await import('../pages/my-reports.tsx')).MyReports })),
  },
  {
    path: '/notifications',
    name: 'Notifications',
    group: 'Reports',
    audience: 'everyone',
    page: lazy(async () => ({ default: (await import('../pages/notifications.tsx')).Notifications })),
  },
];

/** Where a person lands. */
export function homeOf(isOperator: boolean): string {
  return isOperator ? '/monitor' : '/reports';
}
