import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';

/** A request of the HTTP API of Cloud Storage. The body is in memory, so that it can be sent again. */
export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Times that calls are given, in milliseconds; tests shorten them. */
export interface GcsTimeLimits {
  /** For a connection to be made, with its TLS. */
  readonly connectMs: number;
  /** That a connection may be silent while an answer is waited for. */
  readonly idleMs: number;
  /** The longest pause before the first repetition of a call; each one after it is up to twice as long. */
  readonly firstPauseMs: number;
}

/** A rewrite works for up to half a minute before it answers: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite */
export const GCS_TIME_LIMITS: GcsTimeLimits = { connectMs: 5000, idleMs: 60_000, firstPauseMs: 300 };

/** Tries of one call. */
const MAX_ATTEMPTS = 7;

/**
 * The longest pause when the store asks to slow down: writes of one object are limited to about one a second, whoever makes them.
 * https://cloud.google.com/storage/quotas#objects
 */
const MAX_PAUSE_MS = 20_000;

/** One that asks to slow down is given more time from the start. */
const THROTTLED_FACTOR = 4;

/** Free connections that are kept for the next calls. */
const MAX_FREE_CONNECTIONS = 100;

/**
 * Calls of Cloud Storage over HTTP/1.1 connections that are kept alive. (HTTP/2 is what made other registries slow here: all
 * transfers share one connection, and its windows.)
 *
 * What is worth another try gets it: broken connections, time limits, and answers of 408, 429 and 5xx
 * (https://cloud.google.com/storage/docs/retry-strategy). Every other answer is handed to the caller.
 */
export class GcsHttp {
  readonly #limits: GcsTimeLimits;
  readonly #slots: Slots;
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, maxFreeSockets: MAX_FREE_CONNECTIONS }),
    https: new HttpsAgent({ keepAlive: true, maxFreeSockets: MAX_FREE_CONNECTIONS }),
  };

  #isClosed = false;

  /** @param maxConcurrency calls at a time; a download counts until it begins, so that slow clients hold up nobody */
  constructor(maxConcurrency: number, limits: GcsTimeLimits) {
    this.#slots = new Slots(maxConcurrency);
    this.#limits = limits;
  }

  /** Makes a call and gathers the whole answer. */
  async send(call: HttpCall): Promise<HttpAnswer> {
    return this.#repeating(call, async () => collect(await this.#exchange(call)));
  }

  /** Makes a call whose answer, if it is good, is read while it comes. */
  async open(call: HttpCall): Promise<HttpAnswer | IncomingMessage> {
    return this.#repeating(call, async () => {
      const { request, response } = await this.#exchange(call);
      if (!isGood(response.statusCode)) return collect({ request, response });
      // Who reads may take its time; that the bytes come is watched where they are asked for.
      request.setTimeout(0);
      return response;
    });
  }

  /** Ends what is under way; nothing is tried again. */
  close(): void {
    this.#isClosed = true;
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  async #repeating<T extends HttpAnswer | IncomingMessage>(call: HttpCall, attempt: () => Promise<T>): Promise<T> {
    for (let repetition = 0; ; repetition++) {
      if (this.#isClosed) throw new Error('the storage driver is closed');
      const isLast = repetition === MAX_ATTEMPTS - 1;
      let answer: T | undefined;
      try {
        answer = await this.#slots.use(attempt);
      } catch (error) {
        if (isLast) throw unreachable(call, error);
      }
      if (answer !== undefined && (isLast || !('status' in answer) || !isPassing(answer.status))) return answer;
      await pause(this.#pauseMs(repetition, answer));
    }
  }

  #pauseMs(repetition: number, answer: HttpAnswer | IncomingMessage | undefined): number {
    const isThrottled = answer !== undefined && 'status' in answer && answer.status === 429;
    const longest = this.#limits.firstPauseMs * (isThrottled ? THROTTLED_FACTOR : 1) * 2 ** repetition;
    const asked = Number(answer?.headers['retry-after'] ?? 0) * 1000 || 0;
    return Math.min(Math.max(longest * (0.5 + Math.random() / 2), asked), MAX_PAUSE_MS);
  }

  /** Sends a request once, up to the head of its answer. */
  #exchange({ method, url, headers, body }: HttpCall): Promise<Exchange> {
    const isSecure = url.protocol === 'https:';
    const send = isSecure ? httpsRequest : httpRequest;
    const { connectMs, idleMs } = this.#limits;
    return new Promise((resolve, reject) => {
      const request = send(url, {
        method,
        headers: { ...headers, 'content-length': String(body?.byteLength ?? 0) },
        agent: isSecure ? this.#agents.https : this.#agents.http,
      });
      let response: IncomingMessage | undefined;
      limitConnecting(request, connectMs);
      request.setTimeout(idleMs, () => {
        (response ?? request).destroy(new Error(`it said nothing for ${idleMs} ms`));
      });
      // A failure after the head of the answer is told to who reads the answer.
      request.on('error', reject);
      request.on('response', (head) => {
        response = head;
        resolve({ request, response });
      });
      request.end(body);
    });
  }
}

interface Exchange {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

async function collect({ response }: Exchange): Promise<HttpAnswer> {
  const body = await buffer(response);
  return { status: response.statusCode as number, headers: response.headers, body };
}

function limitConnecting(request: ClientRequest, milliseconds: number): void {
  request.on('socket', (socket) => {
    if (!socket.connecting) return;
    const limit = setTimeout(() => {
      request.destroy(new Error(`no connection was made within ${milliseconds} ms`));
    }, milliseconds);
    const done = () => clearTimeout(limit);
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', done);
    socket.once('close', done);
  });
}

function isGood(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

function unreachable({ method, url }: HttpCall, error: unknown): Error {
  const { message, code } = error as NodeJS.ErrnoException;
  // Where a name has several addresses, the failure of all of them has no message of its own.
  const reason = message === '' ? code : message;
  return new Error(
    `${method} ${url.origin} got no answer in ${MAX_ATTEMPTS} tries (the last one: ${reason}); check the network of this machine, its DNS and its way out to Google, and storage.gcs.endpoint`,
    { cause: error },
  );
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Lets so many at a time do something; the others wait in order. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(run: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((proceed) => this.#waiting.push(proceed));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
