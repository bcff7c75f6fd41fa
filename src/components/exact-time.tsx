import { RelativeTime } from './relative-time.tsx';

const exact = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});

/** Where the order of things matters: the time to the second, and how long ago that was. `value`: ISO 8601; whatever else is shown as it is. */
export function ExactTime({ value }: { value: string }) {
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return <span className="numeric">{value}</span>;
  return (
    <span className="numeric">
      {exact.format(time)}{' '}
      <span className="muted nowrap">
        (<RelativeTime value={value} />)
      </span>
    </span>
  );
}
