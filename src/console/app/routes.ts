import { lazy, type ComponentType } from 'react';
import type { IconName } from '../ui/icon.tsx';

interface Route {
  /** `/*` at its end: whatever is one name below. */
  path: string;
  /** As the navigation names it. */
  name: string;
  icon: IconName;
  /** Who may open it. */
  audience: 'everyone' | 'operators';
  /** Whose navigation lists it. Empty: only links of other views lead to it. */
  listedFor: readonly ('operators' | 'owners')[];
  page: ComponentType;
}

/** The views, in the order of the navigation. Filters and selection are each view's own, in the query (useSearch). */
export const ROUTES: readonly Route[] = [
  {
    path: '/monitor',
    name: 'Overview',
    icon: 'overview',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/monitor/page.tsx')).Monitor })),
  },
  {
    path: '/deliveries',
    name: 'Deliveries',
    icon: 'deliveries',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/deliveries/page.tsx')).FailedDeliveries })),
  },
  {
    path: '/subscribers',
    name: 'Subscribers',
    icon: 'subscribers',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/subscribers/page.tsx')).Subscribers })),
  },
  {
    path: '/subscribers/new',
    name: 'New subscriber',
    icon: 'subscribers',
    audience: 'operators',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/subscribers/create.tsx')).NewSubscriber })),
  },
  {
    path: '/subscribers/*',
    name: 'Subscriber',
    icon: 'subscribers',
    audience: 'operators',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/subscribers/subscriber.tsx')).Subscriber })),
  },
  {
    path: '/replays',
    name: 'Replays',
    icon: 'subscribers',
    audience: 'operators',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/replays/page.tsx')).Replays })),
  },
  {
    path: '/jobs',
    name: 'Jobs',
    icon: 'jobs',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/jobs/page.tsx')).Jobs })),
  },
  {
    path: '/reports',
    name: 'Reports',
    icon: 'reports',
    audience: 'everyone',
    listedFor: ['operators', 'owners'],
    page: lazy(async () => ({ default: (await import('../views/reports/reports.tsx')).Reports })),
  },
  {
    path: '/report',
    name: 'Report',
    icon: 'reports',
    audience: 'everyone',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/report/page.tsx')).Report })),
  },
  {
    path: '/audit',
    name: 'Audit',
    icon: 'audit',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/audit/page.tsx')).AuditLog })),
  },
  {
    path: '/alerts',
    name: 'Alerts',
    icon: 'alerts',
    audience: 'operators',
    listedFor: ['operators'],
    page: lazy(async () => ({ default: (await import('../views/alerts/page.tsx')).Alerts })),
  },
  {
    path: '/debug',
    name: 'New report',
    icon: 'add',
    audience: 'everyone',
    listedFor: ['owners'],
    page: lazy(async () => ({ default: (await import('../views/new-report/page.tsx')).NewReport })),
  },
  {
    path: '/notifications',
    name: 'Notifications',
    icon: 'notifications',
    audience: 'everyone',
    listedFor: ['owners'],
    page: lazy(async () => ({ default: (await import('../views/notifications/page.tsx')).Notifications })),
  },
  {
    path: '/trace',
    name: 'Trace',
    icon: 'audit',
    audience: 'operators',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/trace/page.tsx')).Trace })),
  },
  {
    path: '/erasure',
    name: 'Erasure',
    icon: 'audit',
    audience: 'operators',
    listedFor: [],
    page: lazy(async () => ({ default: (await import('../views/erasure/page.tsx')).Erasure })),
  },
];

/** The view at an address; undefined: there is none. */
export function routeOf(path: string): Route | undefined {
  const parent = `${path.slice(0, path.lastIndexOf('/'))}/*`;
  return ROUTES.find((each) => each.path === path) ?? ROUTES.find((each) => each.path === parent);
}

/** Where a person lands. */
export function homeOf(isOperator: boolean): string {
  return isOperator ? '/monitor' : '/reports';
}
