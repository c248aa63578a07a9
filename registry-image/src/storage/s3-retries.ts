import type { S3ClientConfig } from '@aws-sdk/client-s3';

type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { readonly acquireInitialRetryToken: unknown }
>;
type RetryToken = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;
type Failure = Parameters<RetryStrategy['refreshRetryTokenForRetry']>[1];

/** A store that asks to slow down is given more time from the start. */
const THROTTLED_FACTOR = 5;

const MAX_PAUSE_MS = 20_000;

/**
 * When a call to S3 is made again: after a network that failed, a time limit, an answer of 5xx (but 501) or one that asks to slow
 * down; with pauses that double, of random length, and not before the time that `Retry-After` names.
 *
 * The SDK's own strategy has a budget of about 35 repetitions for the whole client, which a short outage of the store under a
 * few pushes uses up: the pushes after it would fail at their first reset.
 */
export class S3Retries implements RetryStrategy {
  readonly #maxRetries: number;
  readonly #firstPauseMs: number;

  constructor(maxRetries: number, firstPauseMs: number) {
    this.#maxRetries = maxRetries;
    this.#firstPauseMs = firstPauseMs;
  }

  async acquireInitialRetryToken(): Promise<RetryToken> {
    return { getRetryCount: () => 0, getRetryDelay: () => 0 };
  }

  /** @throws when the call has failed for good */
  async refreshRetryTokenForRetry(token: RetryToken, failure: Failure): Promise<RetryToken> {
    const retry = token.getRetryCount() + 1;
    if (retry > this.#maxRetries || !isPassing(failure)) throw new Error('not tried again');
    const pause = this.#pauseBefore(retry, failure);
    return { getRetryCount: () => retry, getRetryDelay: () => pause };
  }

  recordSuccess(): void {}

  #pauseBefore(retry: number, { errorType, retryAfterHint }: Failure): number {
    const factor = errorType === 'THROTTLING' ? THROTTLED_FACTOR : 1;
    const longest = this.#firstPauseMs * factor * 2 ** (retry - 1);
    const asked = (retryAfterHint?.getTime() ?? 0) - Date.now();
    return Math.min(Math.max(Math.random() * longest, asked), MAX_PAUSE_MS);
  }
}

function isPassing({ errorType, error }: Failure): boolean {
  if (errorType === 'SERVER_ERROR') return error?.$metadata?.httpStatusCode !== 501;
  return errorType !== 'CLIENT_ERROR';
}
