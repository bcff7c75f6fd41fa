import type { ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { isCostly } from './markdown-cost.ts';
import styles from './markdown.module.css';
import { PlainText } from './plain-text.tsx';

function Outside({ href, children }: { href: string | undefined; children: ReactNode }) {
  // An address that is no web address was taken away.
  if (!href) return children;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

// Headings go down two levels: the page and the panel around the text have the first two.
const components: Components = {
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h4>{children}</h4>,
  h3: ({ children }) => <h5>{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
  a: ({ href, children }) => <Outside href={href}>{children}</Outside>,
  // Loading it would tell a stranger's server who reads this and when, and the policy forbids it.
  img: ({ src, alt }) => (
    <Outside href={typeof src === 'string' ? src : undefined}>
      Image: {alt || 'without a description'}
    </Outside>
  ),
  table: ({ children }) => (
    <div className={styles['scroll']} role="group" aria-label="Table" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
};

/** Markdown without its HTML, which is shown as the text that it is. */
export function RenderedMarkdown({ text }: { text: string }) {
  if (isCostly(text)) {
    return (
      <PlainText
        note="This text is too long or too intricate to lay out: it is shown as it is."
        text={text}
      />
    );
  }
  return (
    <div className={styles['markdown']} dir="auto">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
}
