import { lazy, Suspense } from 'react';
import { ErrorBoundary } from './error-boundary.tsx';
import { PlainText } from './plain-text.tsx';
import { LoadingState } from './states.tsx';

const Rendered = lazy(async () => ({ default: (await import('./rendered-markdown.tsx')).RenderedMarkdown }));

/**
 * A report's text. Its renderer is loaded with the first one that is shown; where it fails, the text is shown as it is, and
 * what is around it stays.
 */
export function Markdown({ text }: { text: string }) {
  return (
    <ErrorBoundary
      key={text}
      fallback={<PlainText note="This text could not be formatted: it is shown as plain text." text={text} />}
    >
      <Suspense fallback={<LoadingState label="Loading the text" rows={6} />}>
        <Rendered text={text} />
      </Suspense>
    </ErrorBoundary>
  );
}
