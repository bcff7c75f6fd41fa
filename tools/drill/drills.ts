import { DATA_DRILLS } from './data.ts';
import type { Drill } from './drill.ts';
import { JOB_DRILLS } from './jobs.ts';
import { ROAD_DRILLS } from './road.ts';
import { SUBSCRIBER_DRILLS } from './subscribers.ts';
import { WATCH_DRILLS } from './watch.ts';

/** In the order of running. */
export const DRILLS: readonly Drill[] = [
  ...ROAD_DRILLS,
  ...JOB_DRILLS,
  ...WATCH_DRILLS,
  ...DATA_DRILLS,
  // Last, since their subscription remains.
  ...SUBSCRIBER_DRILLS,
];
