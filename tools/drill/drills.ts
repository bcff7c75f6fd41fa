import { DATA_DRILLS } from './data.ts';
import type { Drill } from './drill.ts';
import { JOB_DRILLS } from './jobs.ts';
import { ROAD_DRILLS } from './road.ts';
import { SUBSCRIBER_DRILLS } from './subscribers.ts';
import { WATCH_DRILLS } from './watch.ts';

/** In the order in which they run. */
export const DRILLS: readonly Drill[] = [
  ...ROAD_DRILLS,
  ...JOB_DRILLS,
  ...WATCH_DRILLS,
  ...DATA_DRILLS,
  // Last: what they subscribe stays.
  ...SUBSCRIBER_DRILLS,
];
