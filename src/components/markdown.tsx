import { lazy, Suspense } from 'react';
import { LoadingState } from './states.tsx';

const Rendered = lazy(async () => ({ default: (await import('./rendered-markdown.tsx')).RenderedMarkdown }));

/** A report's text. Its renderer is loaded with the first one that is shown. */
export function Markdown({ text }: { text: string }) {
  return (
    <Suspense fallback={<LoadingState label="Loading the text" rows={6} />}>
      <Rendered text={text} />
    </Suspense>
  );
}
