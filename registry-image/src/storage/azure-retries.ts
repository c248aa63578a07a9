import { setTimeout as sleep } from 'node:timers/promises';
import { isRestError, type RestError } from '@azure/storage-blob';

/** Answers that say that the same call may succeed later. */
const PASSING_STATUSES = [408, 429, 500, 502, 503, 504];

/** A store that asks to slow down is given more time from the start. */
const THROTTLED_FACTOR = 5;

const THROTTLED_STATUSES = [429, 503];

export interface AzureRetryOptions {
  /** Repetitions of one call; none when it is negative. */
  readonly max_retries: number;
  /** The longest pause before the first repetition, in milliseconds; each one after it is up to twice as long. */
  readonly retry_delay: number;
  /** Milliseconds. */
  readonly max_retry_delay: number;
}

/**
 * Makes calls again after a network that failed, an answer that is no answer, 5xx, or one that asks to slow down; with pauses of
 * random length, and not before the time that `Retry-After` names. The SDK's own policy has the same pauses for all clients, the
 * first one of no length, and does not know 429.
 */
export class AzureRetries {
  readonly #options: AzureRetryOptions;
  readonly #closed: AbortSignal;

  /** @param closed ends the pauses, and with them the calls that would follow */
  constructor(options: AzureRetryOptions, closed: AbortSignal) {
    this.#options = options;
    this.#closed = closed;
  }

  /** @param send makes the call from the start each time, from memory */
  async run<T>(send: () => Promise<T>): Promise<T> {
    for (let repetition = 1; ; repetition += 1) {
      try {
        return await send();
      } catch (error) {
        if (repetition > this.#options.max_retries || this.#closed.aborted || !isPassing(error)) throw error;
        await sleep(this.#pauseBefore(repetition, error), undefined, { signal: this.#closed }).catch(() => {
          throw error;
        });
      }
    }
  }

  #pauseBefore(repetition: number, error: RestError): number {
    const { retry_delay, max_retry_delay } = this.#options;
    const factor = THROTTLED_STATUSES.includes(error.statusCode ?? 0) ? THROTTLED_FACTOR : 1;
    const longest = retry_delay * factor * 2 ** (repetition - 1);
    const asked = Number(error.response?.headers.get('retry-after') ?? 0) * 1000;
    return Math.min(Math.max(longest * (0.5 + Math.random() / 2), asked || 0), max_retry_delay);
  }
}

function isPassing(error: unknown): error is RestError {
  if (!isRestError(error)) return false;
  // A name that the DNS does not know is a mistake in the configuration.
  if (error.statusCode === undefined) return error.code !== 'ENOTFOUND';
  return error.code === 'PARSE_ERROR' || PASSING_STATUSES.includes(error.statusCode);
}
