import { setTheme, THEMES, useTheme } from '../console/theme.ts';
import styles from './theme-switch.module.css';

const NAMES = { system: 'Auto', light: 'Light', dark: 'Dark' } as const;

export function ThemeSwitch() {
  const current = useTheme();
  return (
    <fieldset className={styles['switch']}>
      <legend className="visually-hidden">Theme</legend>
      {THEMES.map((theme) => (
        <label key={theme} className={styles['choice']}>
          <input
            type="radio"
            name="theme"
            className={styles['input']}
            checked={theme === current}
            onChange={() => setTheme(theme)}
          />
          <span>{NAMES[theme]}</span>
        </label>
      ))}
    </fieldset>
  );
}
