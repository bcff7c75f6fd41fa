import { RelativeTime } from './relative-time.tsx';

const exact = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});

/** Where the order of things matters: the time to the second, and how long ago that was. `value`: ISO 8601. */
export function ExactTime({ value }: { value: string }) {
  return (
    <span className="numeric">
      {exact.format(new Date(value))}{' '}
      <span className="muted nowrap">
        (<RelativeTime value={value} />)
      </span>
    </span>
  );
}
