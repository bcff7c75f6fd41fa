import { expect } from '@playwright/test';

/** Counts a person's actions in a task: each press, each typed text, each choice. */
export class Actions {
  private count = 0;

  async do(action: Promise<unknown>): Promise<void> {
    this.count += 1;
    await action;
  }

  /** No task may need more than five. */
  expect(count: number): void {
    expect(this.count).toBe(count);
    expect(count).toBeLessThanOrEqual(5);
  }
}
