import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { explain } from '../lib/errors.ts';
import { collectRows, download, MOST_EXPORTED, toCsv, type ListPage } from '../lib/export.ts';
import { notify } from '../lib/toasts.ts';
import { ActionIcon } from './action-icon.tsx';
import { Button } from './button.tsx';
import { formatCount, plural } from '../lib/format.ts';

/**
 * Saves a list as it is filtered, as a file. `name`: the list's, for the file. `list` is called once for each file: a range that
 * moves with the clock must stand still from the first page to the last.
 */
export function ExportButtons({ name, list }: { name: string; list: () => ListPage }) {
  const [count, setCount] = useState(0);
  const save = useMutation({
    mutationFn: async (format: 'csv' | 'json') => {
      setCount(0);
      const { rows, isCut } = await collectRows(list(), setCount);
      const time = new Date().toISOString().slice(0, 19).replaceAll(':', '');
      const file = `${name}-${time}${isCut ? `-first-${MOST_EXPORTED}` : ''}.${format}`;
      if (format === 'csv') download(file, 'text/csv;charset=utf-8', toCsv(rows));
      else download(file, 'application/json', `${JSON.stringify({ is_cut: isCut, rows }, null, 2)}\n`);
      return { count: rows.length, isCut };
    },
    onSuccess: ({ count: saved, isCut }) =>
      notify({
        kind: isCut ? 'error' : 'success',
        title: isCut
          ? `Only the first ${formatCount(saved)} rows were exported`
          : `${plural(saved, 'row')} exported`,
        text: isCut ? 'There are more: choose a shorter time or more filters.' : undefined,
      }),
    onError: (error) => {
      const { title, advice } = explain(error);
      notify({ kind: 'error', title: `Not exported. ${title}`, text: advice });
    },
  });
  return (
    <>
      {(['csv', 'json'] as const).map((format) => (
        <Button
          key={format}
          size="small"
          look="quiet"
          disabled={save.isPending}
          isBusy={save.isPending && save.variables === format}
          aria-label={`Export as ${format.toUpperCase()}`}
          onClick={() => save.mutate(format)}
        >
          <ActionIcon name="download" /> {format.toUpperCase()}
        </Button>
      ))}
      {save.isPending && (
        <span className="muted" role="status">
          {formatCount(count)} rows so far
        </span>
      )}
    </>
  );
}
