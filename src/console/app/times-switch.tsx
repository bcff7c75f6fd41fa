import { setZone, useZone, ZONES } from '../lib/times.ts';
import { Choice } from '../ui/choice.tsx';

const NAMES = { local: 'Local', utc: 'UTC' } as const;
const OPTIONS = ZONES.map((zone) => ({ value: zone, label: NAMES[zone] }));

/** In which zone times are shown, on this device. */
export function TimesSwitch() {
  return <Choice legend="Times" isLegendHidden value={useZone()} options={OPTIONS} onChange={setZone} />;
}
