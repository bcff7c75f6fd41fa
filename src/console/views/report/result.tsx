import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/choice.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { Markdown } from '../../ui/markdown.tsx';
import { Panel } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/states.tsx';
import type { ReportRecord, ReportRef } from '../../../contracts/console-reports.ts';
import { download } from '../../lib/export.ts';
import { notify } from '../../lib/toasts.ts';
import { useSearch } from '../../lib/use-search.ts';
import { Changes, SideBySide } from './comparison.tsx';
import styles from './report.module.css';

const VIEWS = [
  { value: 'text', label: 'Text' },
  { value: 'changes', label: 'What changed' },
  { value: 'sides', label: 'Prelim and final' },
] as const;
const view = z.object({ show: z.enum(['text', 'changes', 'sides']).default('text').catch('text') });

/** The report's text, to read and to take along; or what changed from prelim to final. Which of them is in the address. */
export function Result({
  report,
  record: { research_report: text, stage, winner_event_id },
  title,
}: {
  report: ReportRef;
  record: ReportRecord;
  title: string | null;
}) {
  const [{ show }, change] = useSearch(view);
  const version = winner_event_id ?? 'none';
  return (
    <div className={styles['printed']}>
      <Panel
        title="Text"
        actions={
          <div className={`${styles['buttons'] ?? ''} no-print`}>
            {text !== null && (
              <TakeAlong text={text} fileName={fileNameOf(title ?? report.report_type, stage ?? 'text')} />
            )}
            <Choice
              legend="Show"
              isLegendHidden
              value={show}
              options={VIEWS}
              onChange={(value) => change({ show: value === 'text' ? null : value })}
            />
          </div>
        }
      >
        {show === 'changes' && <Changes report={report} version={version} />}
        {show === 'sides' && <SideBySide report={report} version={version} />}
        {show === 'text' && text !== null && <Markdown text={text} />}
        {show === 'text' && text === null && (
          <EmptyState title="No text yet">The text shows here when a job’s result is stored.</EmptyState>
        )}
      </Panel>
    </div>
  );
}

function TakeAlong({ text, fileName }: { text: string; fileName: string }) {
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      notify({ kind: 'success', title: 'Text copied' });
    } catch {
      notify({
        kind: 'error',
        title: 'The browser did not allow copying',
        text: 'Download the text, or select it.',
      });
    }
  }
  return (
    <>
      <Button size="small" onClick={() => void copy()}>
        Copy text
      </Button>
      <Button size="small" onClick={() => download(fileName, 'text/markdown;charset=utf-8', text)}>
        Download Markdown
      </Button>
      <Button size="small" onClick={() => window.print()}>
        Print
      </Button>
    </>
  );
}

const MOST_NAME_CHARACTERS = 60;

/** Letters and digits of any script stay; what file systems may refuse does not. */
export function fileNameOf(title: string, stage: string): string {
  const name = title
    .normalize('NFC')
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .slice(0, MOST_NAME_CHARACTERS)
    .replace(/^-+|-+$/g, '');
  return `${name || labelOf('report')}-${stage}.md`;
}
