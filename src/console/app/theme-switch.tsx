import { setTheme, THEMES, useTheme } from './theme.ts';
import { Choice } from '../ui/choice.tsx';

const NAMES = { system: 'Auto', light: 'Light', dark: 'Dark' } as const;
const OPTIONS = THEMES.map((theme) => ({ value: theme, label: NAMES[theme] }));

export function ThemeSwitch() {
  return <Choice legend="Theme" isLegendHidden value={useTheme()} options={OPTIONS} onChange={setTheme} />;
}
