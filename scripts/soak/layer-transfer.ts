import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LongPayload } from './long-payload.ts';

const REPOSITORY = 'soak/layer';

/** How often a chunk is gone on with after its connection broke. */
const MAX_ATTEMPTS = 100;
const PAUSE_MS = 500;

export interface PushOptions {
  readonly url: string;
  readonly payload: LongPayload;
  readonly digest: string;
  /** Bytes of one request; `undefined`: all of them. */
  readonly chunk: number | undefined;
  /** Told how far the push is, in bytes, while it goes on. */
  readonly onProgress: (position: number) => void;
}

/** Pushes a layer as clients do; a connection that breaks is gone on from where the server says. */
export async function pushLayer({ url, payload, digest, chunk, onProgress }: PushOptions): Promise<void> {
  const started = await request('POST', new URL(`/v2/${REPOSITORY}/blobs/uploads/`, url));
  expectStatus(started, 202);
  let location = locationOf(started, url);
  let attempts = 0;
  for (let position = 0; position < payload.size; ) {
    const end = Math.min(payload.size, position + (chunk ?? payload.size));
    try {
      const answer = await sendChunk(location, payload, position, end, onProgress);
      expectStatus(answer, 202);
      location = locationOf(answer, url);
      position = end;
    } catch (error) {
      attempts += 1;
      if (!isBroken(error) || attempts === MAX_ATTEMPTS) throw error;
      position = await positionOf(location);
    }
  }
  location.searchParams.set('digest', digest);
  expectStatus(await request('PUT', location), 201);
}

/** Pulls the layer back. @throws Error when what comes is not what was pushed */
export async function pullLayer(url: string, digest: string): Promise<void> {
  const answer = await send('GET', new URL(`/v2/${REPOSITORY}/blobs/${digest}`, url));
  expectStatus(answer, 200);
  const hash = createHash('sha256');
  for await (const bytes of answer) hash.update(bytes as Buffer);
  const received = `sha256:${hash.digest('hex')}`;
  if (received !== digest) throw new Error(`what was pulled has the digest ${received}, ${digest} was pushed`);
}

async function sendChunk(
  location: URL,
  payload: LongPayload,
  start: number,
  end: number,
  onProgress: (position: number) => void,
): Promise<http.IncomingMessage> {
  function* body() {
    let position = start;
    for (const bytes of payload.bytes(start, end)) {
      yield bytes;
      position += bytes.length;
      onProgress(position);
    }
  }
  const headers = { 'Content-Length': end - start, 'Content-Range': `${start}-${end - 1}` };
  return request('PATCH', location, headers, Readable.from(body()));
}

/** Asks until the server is there again. */
async function positionOf(location: URL): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await request('GET', location);
      expectStatus(answer, 204);
      const last = Number(/^0-(\d+)$/.exec(answer.headers.range ?? '')?.[1] ?? '0');
      return last === 0 ? 0 : last + 1;
    } catch (error) {
      if (!isBroken(error) || attempt === MAX_ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** Sends a request on a connection of its own, and reads its answer to the end. */
async function request(
  method: string,
  url: URL,
  headers: http.OutgoingHttpHeaders = {},
  body?: Readable,
): Promise<http.IncomingMessage> {
  const answer = await send(method, url, headers, body);
  await answer.forEach(() => {});
  return answer;
}

async function send(
  method: string,
  url: URL,
  headers: http.OutgoingHttpHeaders = {},
  body?: Readable,
): Promise<http.IncomingMessage> {
  const sent = http.request(url, { method, headers, agent: false });
  const answered = once(sent, 'response') as Promise<[http.IncomingMessage]>;
  // Both fail when the connection breaks; whoever waits is told once.
  answered.catch(() => {});
  if (body === undefined) sent.end();
  else await Promise.race([pipeline(body, sent), answered]);
  const [answer] = await answered;
  return answer;
}

function locationOf({ headers }: http.IncomingMessage, url: string): URL {
  return new URL(headers.location as string, url);
}

function expectStatus({ statusCode }: http.IncomingMessage, expected: number): void {
  if (statusCode !== expected) throw new Error(`the server answered ${statusCode}, not ${expected}; see its log`);
}

/** Whether a connection broke, or could not be made. */
function isBroken(error: unknown): boolean {
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}
