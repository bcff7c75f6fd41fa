import { eventHref, reportHref } from '../../lib/links.ts';
import { labelOf } from '../../lib/label-of.ts';
import type { SearchResults } from '../../../contracts/console-search.ts';

export interface Option {
  id: string;
  title: string;
  detail: string;
  href: string;
}

interface OptionGroup {
  name: string;
  options: Option[];
}

/** What was found, grouped; groups without anything are left out. */
export function groupsOf({ owners, reports, jobs, events, deliveries }: SearchResults): OptionGroup[] {
  const unique = [...new Map(reports.map((report) => [report.id, report])).values()];
  const groups: OptionGroup[] = [
    {
      name: 'Owners',
      options: owners.map(({ user_id, email }) => ({
        id: user_id,
        title: email ?? user_id,
        detail: 'their reports',
        href: `/reports?owner=${user_id}`,
      })),
    },
    {
      name: 'Reports',
      options: unique.map(({ id, report_type, title, owner_email, stage, research_status }) => ({
        id,
        title: title ?? 'Untitled',
        detail: [labelOf(report_type), stage ?? 'no text yet', research_status, owner_email ?? '']
          .filter(Boolean)
          .join(' · '),
        href: reportHref({ report_type, report_id: id }),
      })),
    },
    {
      name: 'Jobs',
      options: jobs.map(({ job_id, state, stage, report_type, report_id }) => ({
        id: job_id,
        title: job_id,
        detail: [stage === null ? 'Without a report' : labelOf(stage), state].join(' · '),
        href:
          report_type === null || report_id === null
            ? `/audit?${new URLSearchParams({ search: job_id }).toString()}`
            : reportHref({ report_type, report_id }),
      })),
    },
    {
      name: 'Events',
      options: events.map(({ id, type, effect }) => ({
        id,
        title: id,
        detail: `${type} · ${effect ?? 'not applied yet'}`,
        href: eventHref(id),
      })),
    },
    {
      name: 'Deliveries',
      options: deliveries.map(({ id, event_id, endpoint_id, status, dead_at }) => ({
        id: `delivery-${id}`,
        title: `Delivery ${id}`,
        detail: `${endpoint_id} · ${dead_at === null ? status : 'dead letter'}`,
        href: eventHref(event_id),
      })),
    },
  ];
  return groups.filter(({ options }) => options.length > 0);
}
