import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { StatisticsQuery } from '../../../contracts/console-statistics.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getWebhookStatistics } from '../../../services/polarisReportsService.ts';
import { OPERATOR_KEY, refresh } from '../../lib/operator-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

export function statisticsQuery(client: DatabaseClient, time: StatisticsQuery, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'statistics', time],
    queryFn: ({ signal }) => unwrap(getWebhookStatistics(client, time, { signal })),
    // The figures of the window before stay until the new ones are there.
    placeholderData: keepPreviousData,
    ...refresh(isPaused),
  });
}
