import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { CheckedDriver } from '../../../registry-image/src/storage/checked-driver.ts';
import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import type { ObjectInfo, StorageDriver } from '../../../registry-image/src/storage/storage-driver.ts';
import { StorageProbe, type StorageProbeOptions } from '../../../registry-image/src/storage/storage-probe.ts';

/** What each step said: `ok`, why it was skipped, or its error. */
type Findings = Readonly<Record<string, string>>;

async function probe(driver: StorageDriver, options: Partial<StorageProbeOptions> = {}): Promise<Findings> {
  const storageProbe = new StorageProbe(new CheckedDriver(driver), {
    redirectExpiry: 60_000,
    hasPublicEndpoint: false,
    ...options,
  });
  const findings: Record<string, string> = {};
  for (const { action, run } of StorageProbe.steps) {
    findings[action] = await run(storageProbe).then(
      ({ skipped }) => (skipped === undefined ? 'ok' : `skipped: ${skipped}`),
      (error: Error) => error.message,
    );
  }
  return findings;
}

/** The findings that are not `ok`; a driver in memory has no signed URLs. */
function faults(findings: Findings): Findings {
  return Object.fromEntries(
    Object.entries(findings).filter(([action, said]) => said !== 'ok' && action !== 'redirect'),
  );
}

/** A driver in memory with some of its methods replaced. */
function flawed(flaw: (sound: MemoryDriver) => Partial<StorageDriver>): StorageDriver {
  const driver = new MemoryDriver();
  const sound = new MemoryDriver();
  for (const name of ['read', 'write', 'stat', 'list', 'move', 'delete', 'openUpload'] as const) {
    Object.assign(driver, { [name]: sound[name].bind(sound) });
  }
  return Object.assign(driver, flaw(sound));
}

describe('the storage probe', () => {
  test('finds nothing in a sound driver, and leaves nothing in it', async () => {
    const driver = new MemoryDriver();
    await driver.write('docker/registry/v2/blobs/x/data', Buffer.from('x'));
    const findings = await probe(driver);
    expect(faults(findings)).toEqual({});
    expect(findings.redirect).toMatch(/^skipped: this driver has no signed URLs/);
    const keys = [];
    for await (const { key } of driver.list('')) keys.push(key);
    expect(keys).toEqual(['docker/registry/v2/blobs/x/data']);
  });

  test('finds a store whose lists lag behind its writes', async () => {
    const findings = await probe(flawed(() => ({ list: () => nothing() })));
    expect(faults(findings)).toEqual({
      list: expect.stringMatching(/^an object written a moment ago is not listed: the store shows changes late/),
    });
  });

  test('finds a store whose clock differs', async () => {
    const findings = await probe(
      flawed((sound) => ({
        stat: async (key) => ({ ...(await sound.stat(key)), modifiedAt: new Date(Date.now() - 10 * 60_000) }),
      })),
    );
    expect(faults(findings)).toEqual({
      clock: expect.stringMatching(
        /^the store's clock is 59\d\.\d s behind the one of this machine; set this machine's/,
      ),
    });
  });

  test('finds a store that cannot tell what it does not have', async () => {
    const findings = await probe(
      flawed((sound) => ({
        stat: async (key) => sound.stat(key).catch(() => ({ key, size: 0, modifiedAt: new Date() })),
      })),
    );
    expect(faults(findings)).toEqual({ 'stat-missing': 'an object that was never written is said to exist' });
  });

  test('finds a store that ignores ranges, truncates or forgets what an upload has sent', async () => {
    const ignoresRanges = await probe(flawed((sound) => ({ read: (key) => sound.read(key) })));
    expect(faults(ignoresRanges)).toEqual({
      'read-range': expect.stringMatching(/^65536 bytes came that are not bytes 1000 to 20999/),
    });
    const forgets = await probe(
      flawed((sound) => ({
        openUpload: async (key) => {
          await sound.delete(key);
          return sound.openUpload(key);
        },
      })),
    );
    expect(faults(forgets)).toEqual({
      upload: 'the upload goes on at byte 0 when it is opened again, and 6291456 had been sent',
    });
  });

  test('finds a move that leaves its source', async () => {
    const findings = await probe(
      flawed((sound) => ({
        move: async (from, to) => {
          const chunks = [];
          for await (const chunk of await sound.read(from)) chunks.push(chunk);
          await sound.write(to, Buffer.concat(chunks));
        },
      })),
    );
    expect(faults(findings)).toEqual({ move: 'the source is still there' });
  });

  test('goes on without the object when it cannot be written', async () => {
    const findings = await probe(flawed(() => ({ write: () => Promise.reject(new Error('no room')) })));
    const noObject = 'skipped: there is no object, because write failed';
    expect(findings).toEqual({
      write: expect.stringMatching(/could not write .*: no room$/),
      list: 'ok',
      stat: noObject,
      clock: noObject,
      'stat-missing': 'ok',
      read: noObject,
      'read-range': noObject,
      redirect: noObject,
      upload: 'ok',
      cancel: 'ok',
      move: noObject,
      delete: 'ok',
      'clean-up': 'ok',
    });
  });
});

describe('the storage probe, of signed URLs', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  /** A driver whose URLs lead to a server, which answers a path with bytes or refuses it. */
  async function signingDriver(answer: (path: string, driver: MemoryDriver) => Promise<Buffer | undefined>) {
    const driver = new MemoryDriver();
    server = createServer(async (request, response) => {
      const bytes = await answer((request.url as string).slice(1), driver);
      response.writeHead(bytes === undefined ? 403 : 200).end(bytes);
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return Object.assign(driver, {
      redirectUrl: async (key: string) => new URL(`http://127.0.0.1:${port}/${key}?sig=1`),
    });
  }

  const objectAt = async (path: string, driver: MemoryDriver) => {
    const chunks = [];
    for await (const chunk of await driver.read(path.split('?')[0] as string)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };

  test('is content with a store that serves what is signed, and nothing else', async () => {
    const driver = await signingDriver(async (path, objects) =>
      path.endsWith('/object?sig=1') ? objectAt(path, objects) : undefined,
    );
    expect(await probe(driver)).toMatchObject({ redirect: 'ok' });
  });

  test('finds a store that serves whatever the path says', async () => {
    expect((await probe(await signingDriver(objectAt))).redirect).toMatch(
      /answered 200 to a signed URL that was changed to name another object: it does not check signatures/,
    );
  });

  test('finds a store that refuses what is signed, and never names the URL', async () => {
    const { redirect } = await probe(await signingDriver(async () => undefined));
    expect(redirect).toMatch(/^127\.0\.0\.1:\d+ answered 403 to a signed URL; the identity that signs needs the right/);
    expect(redirect).not.toContain('sig=');
  });

  test('finds an endpoint that cannot be reached, unless it is meant for clients alone', async () => {
    const driver = await signingDriver(async () => undefined);
    server?.close();
    expect((await probe(driver)).redirect).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ cannot be reached from here, so clients may/,
    );
    expect((await probe(driver, { hasPublicEndpoint: true })).redirect).toMatch(/^skipped: .* is for clients/);
  });

  test('says why where clients are not sent to them', async () => {
    const driver = await signingDriver(objectAt);
    expect((await probe(driver, { redirectOff: 'switched off' })).redirect).toBe('skipped: switched off');
  });
});

// biome-ignore lint/correctness/useYield: the list of a store that shows nothing yet
async function* nothing(): AsyncGenerator<ObjectInfo> {
  return;
}
