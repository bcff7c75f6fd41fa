import { Glyph } from './icon.tsx';

/** Of what can be done. Apart from the navigation's, which everybody loads first. */
const PATHS = {
  cancel: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  download: 'M12 4v11m-5-5 5 5 5-5M4 20h16',
  redrive: 'M4 12a8 8 0 1 1 3 6M4 19v-5h5',
  retry: 'M20 12a8 8 0 1 1-2-5.3L20 9M20 4v5h-5',
} as const;

/** Always beside words, which say the same. */
export function ActionIcon({ name }: { name: keyof typeof PATHS }) {
  return <Glyph path={PATHS[name]} />;
}
