import { expect } from '@playwright/test';

/** Counts what a person does for a task: each press, each text that is typed, each choice. */
export class Actions {
  private count = 0;

  async do(action: Promise<unknown>): Promise<void> {
    this.count += 1;
    await action;
  }

  /** None of a person's tasks may need more than five. */
  expect(count: number): void {
    expect(this.count).toBe(count);
    expect(count).toBeLessThanOrEqual(5);
  }
}
