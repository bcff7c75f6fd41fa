import { MAX_PERCENT_BEFORE_END, type GenerationProgress } from './generate.ts';

/**
 * Converts received characters to progress. Progress never decreases, even if a later attempt begins anew, and is reported
 * only when the percentage has risen: at most 95 calls for a text of any length.
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
    /** Milliseconds of a monotonic clock. */
    now: () => number,
  ) {
    this.#expectedCharacters = Math.max(1, expectedCharacters);
    this.#report = report;
    this.#now = now;
    this.#startedAtMs = now();
  }

  /** Begins an attempt, with a rate of its own. */
  restart(): void {
    this.#startedAtMs = this.#now();
  }

  /** @param characters received in this attempt so far */
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
    // No estimate beyond the expected length, nor from a single instant.
    if (left <= 0 || elapsedMs <= 0) return null;
    return Math.ceil(((elapsedMs / characters) * left) / 1000);
  }
}
