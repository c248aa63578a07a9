import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Lets calls through at a rate: as many as a second holds at once, then each when its turn comes.
 * Calls are let through in the order in which they ask.
 */
export class S3Rate {
  readonly #perSecond: number;
  /** When the bucket of permits will be full again, in milliseconds of `performance.now()`. */
  #fullAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  async wait(): Promise<void> {
    const now = performance.now();
    this.#fullAt = Math.max(this.#fullAt, now) + 1000 / this.#perSecond;
    const early = this.#fullAt - now - 1000;
    if (early > 0) await sleep(early);
  }
}
