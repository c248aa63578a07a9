import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';

/** One HTTP request. The body is in memory, so that it can be sent again. */
export interface SwiftCall {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The answer that an answer holds in its body, where Swift sends its head before it knows how the request ends. */
  readonly unwrap?: (answer: SwiftAnswer) => SwiftAnswer;
}

export interface SwiftAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer whose body is read while it comes. */
export interface SwiftStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: Readable;
}

/** Times that calls are given, in milliseconds; tests shorten them. */
export interface SwiftTimeLimits {
  /** For a connection to be made, with its TLS. */
  readonly connectMs: number;
  /** That a connection may be silent while an answer is waited for. */
  readonly idleMs: number;
  /** The longest pause before the first repetition of a call; each one after it is up to twice as long. */
  readonly firstPauseMs: number;
}

export const SWIFT_TIME_LIMITS: SwiftTimeLimits = { connectMs: 5000, idleMs: 60_000, firstPauseMs: 200 };

/** Tries of one call. */
const MAX_ATTEMPTS = 5;

const MAX_PAUSE_MS = 20_000;

/** A store that asks to slow down is given more time from the start. */
const THROTTLED_FACTOR = 5;

/** 498 is what Swift's own limiter of rates answers. */
const THROTTLED_STATUSES = [429, 498, 503];

/** Answers that say that the same call may succeed later; 409 is two writers of one object, or a copy that has not arrived. */
const PASSING_STATUSES = [408, 409, 429, 498, 500, 502, 503, 504];

/** Mistakes of a configuration, which repeating does not mend. */
const LASTING_FAILURES =
  /^(ENOTFOUND|ERR_TLS_CERT_ALTNAME_INVALID|CERT_HAS_EXPIRED|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/;

/** No answer came, whatever was tried. */
export class SwiftUnreachableError extends Error {
  constructor(origin: string, attempts: number, cause: unknown) {
    const { message, code } = cause as NodeJS.ErrnoException;
    // Where a name has several addresses, the failure of all of them has no message of its own.
    super(`${origin} gave no answer in ${attempts} tries (the last one: ${message || code})`, { cause });
    this.name = 'SwiftUnreachableError';
  }
}

/** Requests over connections that are kept alive; what is worth another try gets it, every other answer is handed to the caller. */
export class SwiftHttp {
  readonly limits: SwiftTimeLimits;
  readonly #agent: Agent;
  readonly #closing = new AbortController();

  constructor({ verify, limits }: { readonly verify: boolean; readonly limits: SwiftTimeLimits }) {
    this.limits = limits;
    this.#agent = new Agent({
      allowH2: false,
      connect: { timeout: limits.connectMs, rejectUnauthorized: verify },
      headersTimeout: limits.idleMs,
      bodyTimeout: limits.idleMs,
    });
  }

  /** Sends a request and gathers the whole answer. @throws SwiftUnreachableError */
  async send(call: SwiftCall): Promise<SwiftAnswer> {
    const { unwrap = (answer) => answer } = call;
    return this.#repeating(call, async () => unwrap(await gather(await this.#exchange(call))));
  }

  /** Sends a request whose answer, if it is good, is read while it comes. @throws SwiftUnreachableError */
  async open(call: SwiftCall): Promise<SwiftAnswer | SwiftStream> {
    return this.#repeating(call, async () => {
      const answer = await this.#exchange(call);
      if (answer.statusCode >= 300) return gather(answer);
      return { status: answer.statusCode, headers: answer.headers, stream: answer.body };
    });
  }

  /** Ends the requests under way, and their repetitions. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#agent.destroy();
  }

  async #exchange({ method, url, headers = {}, body }: SwiftCall): Promise<Dispatcher.ResponseData> {
    const { origin, pathname, search } = new URL(url);
    return this.#agent.request({ origin, path: pathname + search, method, headers, body: body ?? null });
  }

  async #repeating<T extends { status: number; headers: IncomingHttpHeaders }>(
    { url }: SwiftCall,
    attempt: () => Promise<T>,
  ): Promise<T> {
    for (let repetition = 1; ; repetition += 1) {
      const isLast = repetition === MAX_ATTEMPTS;
      let answer: T | undefined;
      try {
        answer = await attempt();
      } catch (error) {
        const isLasting = LASTING_FAILURES.test((error as NodeJS.ErrnoException).code ?? '');
        if (isLast || isLasting) throw new SwiftUnreachableError(new URL(url).origin, repetition, error);
      }
      if (answer !== undefined && (isLast || !PASSING_STATUSES.includes(answer.status))) return answer;
      await sleep(this.#pauseBefore(repetition, answer), undefined, { signal: this.#closing.signal });
    }
  }

  #pauseBefore(repetition: number, answer?: { status: number; headers: IncomingHttpHeaders }): number {
    const factor = THROTTLED_STATUSES.includes(answer?.status ?? 0) ? THROTTLED_FACTOR : 1;
    const longest = this.limits.firstPauseMs * factor * 2 ** (repetition - 1);
    const asked = Number(answer?.headers['retry-after'] ?? 0) * 1000 || 0;
    return Math.min(Math.max(longest * (0.5 + Math.random() / 2), asked), MAX_PAUSE_MS);
  }
}

async function gather({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<SwiftAnswer> {
  return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
}
