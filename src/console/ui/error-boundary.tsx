import { Component, type ErrorInfo, type ReactNode } from 'react';
import { explain } from '../lib/errors.ts';
import { Button } from './button.tsx';
import { ErrorState } from './states.tsx';

interface ErrorBoundaryProps {
  /** What is shown instead: without one, what failed and what to do about it. */
  fallback?: ReactNode;
  children: ReactNode;
}

/** Keeps a fault of one view from taking the page away. Give it a key that changes with the view. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    if (this.props.fallback !== undefined) return this.props.fallback;
    return (
      <div className="lone">
        <ErrorState error={error} onRetry={() => this.setState({ error: null })} />
        {!explain(error).needsReload && <Button onClick={() => location.reload()}>Reload the page</Button>}
      </div>
    );
  }
}
