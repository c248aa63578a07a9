// Pushes blobs as docker does, in a process of its own: POST, PATCH in chunks, PUT.
//
//   node push-client.ts '{"url": …, "token": …, "repository": …, "count": 200, "size": 1048576, "connections": 8}'
//
// Prints {"digests": […]} when the bytes and their digests are ready, begins with the first line of standard input, and ends with
// {"seconds": …, "milliseconds": […]}.
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { type Payload, uniquePayload } from '../payload.ts';

export interface PushJob {
  readonly url: string;
  readonly token: string;
  readonly repository: string;
  readonly count: number;
  /** Bytes of each blob. */
  readonly size: number;
  readonly connections: number;
}

/** Docker writes what it has read from its disk in pieces of this size. */
const PIECE = 32 * 1024;

const job = JSON.parse(process.argv[2] as string) as PushJob;
const secure = job.url.startsWith('https:');
const options = { keepAlive: true, maxSockets: job.connections };
// Who answers is known; the certificate of a test is nobody's business.
const agent = secure ? new https.Agent({ ...options, rejectUnauthorized: false }) : new http.Agent(options);
const { request: open } = secure ? https : http;

const payloads = Array.from({ length: job.count }, () => uniquePayload(job.size));
console.log(JSON.stringify({ digests: payloads.map(({ digest }) => digest) }));
const input = createInterface({ input: process.stdin });
await once(input, 'line');
input.close();

const milliseconds: number[] = [];
const started = performance.now();
await Promise.all(Array.from({ length: job.connections }, pushUntilNoneIsLeft));
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, milliseconds }));
agent.destroy();

async function pushUntilNoneIsLeft(): Promise<void> {
  for (let next = payloads.pop(); next !== undefined; next = payloads.pop()) {
    const before = performance.now();
    await push(next);
    milliseconds.push(performance.now() - before);
  }
}

async function push(payload: Payload): Promise<void> {
  const uploads = new URL(`/v2/${job.repository}/blobs/uploads/`, job.url);
  const begun = await answer('POST', uploads, 202);
  const sent = await answer('PATCH', begun, 202, payload);
  sent.searchParams.set('digest', payload.digest);
  await answer('PUT', sent, 201);
}

/** Sends a request and reads the answer. @returns where that says to go on @throws Error for any status but the expected one */
async function answer(method: string, url: URL, expected: number, payload?: Payload): Promise<URL> {
  const headers = {
    Authorization: `Bearer ${job.token}`,
    ...(payload === undefined ? { 'Content-Length': '0' } : { 'Content-Type': 'application/octet-stream' }),
  };
  const request = open(url, { method, headers, agent } as RequestOptions);
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  for (const piece of payload?.pieces(PIECE) ?? []) if (!request.write(piece)) await once(request, 'drain');
  request.end();
  const [response] = await answered;
  const body = (await response.toArray()).join('');
  if (response.statusCode !== expected) throw new Error(`${method} ${url.pathname}: ${response.statusCode} ${body}`);
  return new URL(response.headers.location ?? url, url);
}
