import { useId, type ComponentProps, type ReactNode } from 'react';
import ReactMarkdown, { type Components, type ExtraProps } from 'react-markdown';
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

/** A footnote's reference and the way back from it stay in the page. Nothing else in the page has an address. */
function Inside({ node, href, id, children, 'aria-label': label }: ComponentProps<'a'> & ExtraProps) {
  const properties = node?.properties ?? {};
  if ('dataFootnoteBackref' in properties)
    return (
      <a href={href} aria-label={label}>
        {children}
      </a>
    );
  if (!('dataFootnoteRef' in properties)) return children;
  return (
    <a href={href} id={id}>
      <span className="visually-hidden">Footnote </span>
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
  a: (props) =>
    props.href?.startsWith('#') ? (
      <Inside {...props} />
    ) : (
      <Outside href={props.href}>{props.children}</Outside>
    ),
  // A task's, which its state and the text beside it tell of.
  input: ({ checked }) => <input type="checkbox" aria-label="Task" checked={checked} disabled />,
  // Loading an image would disclose the reader and the time to its server. The content security policy forbids it.
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
  const id = useId();
  if (isCostly(text)) {
    return (
      <PlainText
        note="This text is too long or too complex to format: it is shown as plain text."
        text={text}
      />
    );
  }
  return (
    <div className={styles['markdown']} dir="auto">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        // Two texts on one page each have their footnotes.
        remarkRehypeOptions={{ clobberPrefix: `${id}-` }}
        components={components}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
