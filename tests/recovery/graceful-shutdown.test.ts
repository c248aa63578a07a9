import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '../support/http-client.ts';
import { type Content, randomBlob } from '../support/oci-image.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

/** A server may be given up after 45 s. */
const TIMEOUT_MS = 90_000;

let registry: RegistryProcess;

afterEach(() => registry.stop());

/** An upload whose first half has arrived while the second is still to come. */
async function halfAnUpload(blob: Content, client = registry.client()): Promise<ClientRequest> {
  const location = await client.startUpload('group/app');
  const request = client.http.open('PUT', `${location}?digest=${blob.digest}`, {
    'Content-Length': String(blob.bytes.length),
    Expect: '100-continue',
  });
  request.on('error', () => {});
  request.flushHeaders();
  // The server asks for the body, so it has begun with the request.
  await once(request, 'continue');
  request.write(blob.bytes.subarray(0, blob.bytes.length / 2));
  return request;
}

/** Asks until the server takes no connection any more. One that the system took just before may be reset. */
async function untilRefused(): Promise<void> {
  for (;;) {
    const client = new HttpClient(registry.url);
    try {
      await client.request('GET', '/livez');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return;
    } finally {
      client.close();
    }
  }
}

describe('a server that is told to stop', () => {
  test('takes no new requests, finishes the running upload and ends with exit code 0', async () => {
    registry = await startRegistry();
    const blob = randomBlob(1_000_000);
    const request = await halfAnUpload(blob);
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const stopped = registry.pause();
    await untilRefused();
    request.end(blob.bytes.subarray(blob.bytes.length / 2));
    expect((await answered)[0].statusCode).toBe(201);
    expect(await stopped).toBe(0);
    expect(registry.log).not.toContain('cut off');

    await registry.restart();
    const pulled = await registry.client().get(`/v2/group/app/blobs/${blob.digest}`);
    expect(pulled.body.equals(blob.bytes)).toBe(true);
  });

  test(
    'lets each of its processes finish what runs there',
    async () => {
      registry = await startRegistry({ processes: 2 });
      const clients = await registry.clientsOfProcesses();
      const blobs = clients.map(() => randomBlob(1_000_000));
      const requests = await Promise.all(
        clients.map((client, number) => halfAnUpload(blobs[number] as Content, client)),
      );
      const answered = requests.map((request) => once(request, 'response') as Promise<[IncomingMessage]>);
      const stopped = registry.pause();
      await untilRefused();
      for (const [number, request] of requests.entries()) {
        const { bytes } = blobs[number] as Content;
        request.end(bytes.subarray(bytes.length / 2));
      }
      for (const [answer] of await Promise.all(answered)) expect(answer.statusCode).toBe(201);
      expect(await stopped).toBe(0);
      expect(registry.log).not.toContain('cut off');
      expect(registry.log).not.toContain('has died');
    },
    TIMEOUT_MS,
  );

  test('cuts off an upload that does not end within http.draintimeout, and says so', async () => {
    registry = await startRegistry({ env: { REGISTRY_HTTP_DRAINTIMEOUT: '1s' } });
    const request = await halfAnUpload(randomBlob(1_000_000));
    const cut = new Promise<void>((resolve) => request.once('close', resolve));
    expect(await registry.pause()).toBe(0);
    await cut;
    expect(registry.log).toContain('still running after http.draintimeout');
  });
});
