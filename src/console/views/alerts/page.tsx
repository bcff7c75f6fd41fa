import { lazy, Suspense, useState } from 'react';
import { z } from 'zod';
import type { AlertRow } from '../../../contracts/console-alerts.ts';
import { useSearch } from '../../lib/use-search.ts';
import { AlertList } from './alert-list.tsx';
import { OneAlert } from './one-alert.tsx';

/** Dialogs are large: they come when one is opened. */
const SilenceDialog = lazy(async () => ({ default: (await import('./silence-dialog.tsx')).SilenceDialog }));

const view = z.object({ alert: z.guid().optional().catch(undefined) });

/** What is wrong now, what is silenced, and what was wrong; or one alert, to which sent alerts lead. */
export function Alerts() {
  const [{ alert }] = useSearch(view);
  const [asked, setAsked] = useState<AlertRow | 'all' | null>(null);
  return (
    <>
      {alert === undefined ? (
        <AlertList onSilence={setAsked} />
      ) : (
        <OneAlert id={alert} onSilence={setAsked} />
      )}
      {asked !== null && (
        <Suspense>
          <SilenceDialog alert={asked === 'all' ? null : asked} onClose={() => setAsked(null)} />
        </Suspense>
      )}
    </>
  );
}
