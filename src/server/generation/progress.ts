import { MAX_PERCENT_BEFORE_END, type GenerationProgress } from './generate.ts';

/**
 * Turns characters received into progress. It never goes back, also when a later attempt begins anew,
 * and reports only when the percentage has risen: at most 95 calls for a text of any length.
 */
export class CharacterProgress {
  readonly #expectedCharacters: number;
  readonly #report: (progress: GenerationProgress) => void;
  readonly #now: () => number;
  #percent = 0;
  #startedAtMs: number;

  constructor(
    expectedCharacters: number,
    report: (progress: GenerationProgress) => void,
    /** Milliseconds of a clock that never goes back. */
    now: () => number,
  ) {
    this.#expectedCharacters = Math.max(1, expectedCharacters);
    this.#report = report;
    this.#now = now;
    this.#startedAtMs = now();
  }

  /** An attempt begins: its rate is its own. */
  restart(): void {
    this.#startedAtMs = this.#now();
  }

  /** @param characters received in this attempt so far. */
  update(characters: number): void {
    const share = Math.min(1, characters / this.#expectedCharacters);
    const percent = Math.floor(share * MAX_PERCENT_BEFORE_END);
    if (percent <= this.#percent) return;
    this.#percent = percent;
    this.#report({ percent, etaSeconds: this.#etaSeconds(characters) });
  }

  #etaSeconds(characters: number): number | null {
    const left = this.#expectedCharacters - characters;
    const elapsedMs = this.#now() - this.#startedAtMs;
    // Past the expected length nobody can tell, and one instant gives no rate.
    if (left <= 0 || elapsedMs <= 0) return null;
    return Math.ceil(((elapsedMs / characters) * left) / 1000);
  }
}
