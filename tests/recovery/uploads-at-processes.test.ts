import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { NOT_LINUX } from '../support/linux-processes.ts';
import { type Content, digestOf, randomBlob } from '../support/oci-image.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { mustBe, type RegistryClient, withQuery } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeUnless, describeWith } from '../support/requirements.ts';

/** Two processes that are one server to their clients. */
interface TwoProcesses {
  /** Each sends all its requests to one of them. */
  clients(): Promise<[RegistryClient, RegistryClient]>;
  /** Ends the second one with SIGKILL. The first goes on. */
  killSecond(): Promise<void>;
  stop(): Promise<void>;
}

const REPOSITORY = 'group/app';
const SIZE = 900_000;
const third = (blob: Content, number: number) =>
  blob.bytes.subarray((number * blob.bytes.length) / 3, ((number + 1) * blob.bytes.length) / 3);

/** How long a process that was killed without a word may count as alive, with time to spare, in milliseconds. */
const UNNOTICED_MS = 40_000;

function uploadsAt(start: () => Promise<TwoProcesses>): void {
  let server: TwoProcesses;
  let first: RegistryClient;
  let second: RegistryClient;

  beforeAll(async () => {
    server = await start();
  });
  beforeEach(async () => {
    [first, second] = await server.clients();
  });
  afterEach(() => {
    first.close();
    second.close();
  });
  afterAll(() => server.stop());

  async function expectPulled(blob: Content): Promise<void> {
    for (const client of [first, second]) {
      const pulled = await client.get(`/v2/${REPOSITORY}/blobs/${blob.digest}`);
      expect([pulled.status, digestOf(pulled.body)]).toEqual([200, blob.digest]);
    }
  }

  /** How many bytes of an upload have been kept. */
  async function kept(client: RegistryClient, location: string): Promise<number> {
    const status = await client.get(location);
    mustBe(status, 204, 'the status of an upload');
    return Number(status.header('Range').split('-')[1]) + 1;
  }

  /** A chunk whose client is gone when a part of it has arrived. */
  async function breakOff(client: RegistryClient, location: string, bytes: Buffer): Promise<void> {
    const request = client.http.open('PATCH', location, { 'Content-Length': String(SIZE) });
    request.on('error', () => {});
    request.write(bytes);
    await sleep(100);
    const closed = new Promise((resolve) => request.once('close', resolve));
    request.destroy();
    await closed;
  }

  test('POST, PATCH and PUT may each meet another process', async () => {
    const blob = randomBlob(SIZE);
    const location = await first.startUpload(REPOSITORY);
    const patched = await second.sendChunk(location, blob.bytes);
    mustBe(patched, 202, 'a chunk');
    mustBe(await first.finishUpload(patched.header('Location'), blob.digest), 201, 'the end of an upload');
    await expectPulled(blob);
  });

  test('chunks at the one and the other in turn make one blob, whose digest is checked', async () => {
    const blob = randomBlob(SIZE);
    let location = await first.startUpload(REPOSITORY);
    for (const [number, client] of [second, first, second].entries()) {
      const start = (number * SIZE) / 3;
      const sent = await client.sendChunk(location, third(blob, number), { start, end: start + SIZE / 3 - 1 });
      mustBe(sent, 202, `chunk ${number}`);
      location = sent.header('Location');
    }
    mustBe(await first.finishUpload(location, blob.digest), 201, 'the end of an upload');
    await expectPulled(blob);

    const wrong = await second.startUpload(REPOSITORY);
    await first.sendChunk(wrong, third(blob, 0));
    await second.sendChunk(wrong, third(blob, 2));
    expect((await first.finishUpload(wrong, digestOf(third(blob, 0)))).json()).toMatchObject({
      errors: [{ code: 'DIGEST_INVALID' }],
    });
  });

  test('a chunk whose client broke off at one process is gone on with at the other', async () => {
    const blob = randomBlob(SIZE);
    const location = await first.startUpload(REPOSITORY);
    await breakOff(first, location, third(blob, 0));
    const start = await kept(second, location);
    expect(start).toBe(SIZE / 3);
    const sent = await second.sendChunk(location, blob.bytes.subarray(start), { start, end: SIZE - 1 });
    mustBe(sent, 202, 'the rest');
    mustBe(await first.finishUpload(sent.header('Location'), blob.digest), 201, 'the end of an upload');
    await expectPulled(blob);
  });

  test('two chunks of one upload at once, each at another process, never mix', async () => {
    const [one, other] = [randomBlob(SIZE / 3), randomBlob(SIZE / 3)];
    const location = await first.startUpload(REPOSITORY);
    const slowly = (bytes: Buffer) =>
      async function* () {
        for (let start = 0; start < bytes.length; start += 50_000) {
          yield bytes.subarray(start, start + 50_000);
          await sleep(20);
        }
      };
    const answers = await Promise.all([
      first.sendChunk(location, slowly(one.bytes)),
      second.sendChunk(location, slowly(other.bytes)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    const isOneFirst = answers[0].header('Range') === `0-${SIZE / 3 - 1}`;
    const both = Buffer.concat(isOneFirst ? [one.bytes, other.bytes] : [other.bytes, one.bytes]);
    mustBe(await second.finishUpload(location, digestOf(both)), 201, 'the end of an upload');
  });

  test('the end of an upload at both at once is answered by one, and is unknown to the other', async () => {
    const blob = randomBlob(SIZE);
    const location = await first.startUpload(REPOSITORY);
    mustBe(await second.sendChunk(location, blob.bytes), 202, 'a chunk');
    const answers = await Promise.all([first, second].map((client) => client.finishUpload(location, blob.digest)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 404]);
    await expectPulled(blob);
  });

  test('an upload cancelled at one process is unknown at the other, which had bytes of it', async () => {
    const location = await first.startUpload(REPOSITORY);
    mustBe(await first.sendChunk(location, randomBlob(1_000).bytes), 202, 'a chunk');
    mustBe(await second.delete(location), 204, 'cancelling');
    expect((await first.sendChunk(location, 'more')).status).toBe(404);
    expect((await first.get(location)).status).toBe(404);
  });

  test(
    'a process that is killed in the middle of a chunk leaves an upload that the other goes on with',
    async () => {
      const blob = randomBlob(SIZE);
      const location = await first.startUpload(REPOSITORY);
      mustBe(await second.sendChunk(location, third(blob, 0)), 202, 'a chunk');
      const request = second.http.open('PATCH', location, { 'Content-Length': String(SIZE) });
      request.on('error', () => {});
      request.write(third(blob, 1));
      await sleep(200);
      await server.killSecond();
      const start = await kept(first, location);
      expect(start).toBeGreaterThanOrEqual(SIZE / 3);
      const closed = await first.finishUpload(location, blob.digest, blob.bytes.subarray(start));
      mustBe(closed, 201, 'the end of an upload');
      const pulled = await first.get(`/v2/${REPOSITORY}/blobs/${blob.digest}`);
      expect(digestOf(pulled.body)).toBe(blob.digest);
      // Its own memory of the upload, from before the kill, is not mistaken for what storage has.
      const wrong = await first.request('PUT', withQuery(location, { digest: blob.digest }));
      expect(wrong.status).toBe(404);
    },
    UNNOTICED_MS,
  );
}

describe('uploads at several processes', () => {
  describeUnless(NOT_LINUX, 'of one server, over SQLite', () => {
    uploadsAt(async () => {
      const registry = await startRegistry({ processes: 2 });
      return {
        clients: async () => (await registry.clientsOfProcesses()) as [RegistryClient, RegistryClient],
        killSecond: async () => void process.kill(registry.pids[1] as number, 'SIGKILL'),
        stop: () => registry.stop(),
      };
    });
  });

  describeWith(['postgres'], 'of two servers over one PostgreSQL and one directory', () => {
    uploadsAt(async () => {
      const postgres: PostgresServer = await startPostgres();
      const index = { postgresql: { url: postgres.url } };
      const first = await startRegistry({ config: { index } });
      const storage = { filesystem: { rootdirectory: first.storageDirectory }, delete: { enabled: true } };
      const second: RegistryProcess = await startRegistry({ config: { index, storage } });
      return {
        clients: async () => [first.client(), second.client()],
        killSecond: () => second.kill(),
        stop: async () => {
          await first.stop();
          await second.stop();
          await postgres.stop();
        },
      };
    });
  });
});
