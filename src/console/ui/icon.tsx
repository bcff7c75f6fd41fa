const PATHS = {
  overview: 'M4 13h6V4H4zm10 7h6v-9h-6zM4 20h6v-4H4zM14 4v4h6V4z',
  deliveries: 'M3 12h13m-5-5 5 5-5 5M20 5v14',
  subscribers: 'M6 12h6m0 0 5-6m-5 6 5 6M3 12h.01M20 5h.01M20 19h.01',
  jobs: 'M12 8v4l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  reports: 'M7 3h7l4 4v14H7zM14 3v4h4M10 12h5m-5 4h5',
  audit: 'M5 6h14M5 12h14M5 18h9',
  alerts: 'M12 4 2.5 20h19zM12 10v4m0 3v.01',
  add: 'M12 5v14m-7-7h14',
  notifications: 'M6 16V11a6 6 0 1 1 12 0v5l2 2H4zm4 4h4',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zm9 16-4-4',
} as const;
export type IconName = keyof typeof PATHS;

/** Always beside words, which say the same. */
export function Icon({ name }: { name: IconName }) {
  return <Glyph path={PATHS[name]} />;
}

export function Glyph({ path }: { path: string }) {
  return (
    <svg
      aria-hidden
      width="16"
      height="16"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={path} />
    </svg>
  );
}
