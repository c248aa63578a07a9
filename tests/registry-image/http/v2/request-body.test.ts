import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bodyOf } from '../../../../registry-image/src/http/v2/request-body.ts';

let server: Server;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Opens a request whose body the test writes. */
async function open() {
  const { port } = server.address() as AddressInfo;
  const client = request({ host: '127.0.0.1', port, method: 'PATCH' });
  client.on('error', () => {});
  const arrived = once(server, 'request') as Promise<[IncomingMessage]>;
  client.flushHeaders();
  const [raw] = await arrived;
  return { client, raw };
}

test('a body that stalls is given up, with what has come before', async () => {
  const { client, raw } = await open();
  client.write('hello');
  const read: string[] = [];
  const reading = (async () => {
    for await (const chunk of bodyOf({ raw }, 500)) read.push(chunk.toString());
  })();
  await expect(reading).rejects.toThrow('no byte of the body came for 500 ms');
  expect(read.join('')).toBe('hello');
});

test('a reader may take longer for a chunk than a client may for the next one', async () => {
  const { client, raw } = await open();
  client.end('hello');
  const read: string[] = [];
  for await (const chunk of bodyOf({ raw }, 50)) {
    await sleep(150);
    read.push(chunk.toString());
  }
  expect(read.join('')).toBe('hello');
});

test('a reader that stops early can still answer', async () => {
  server.on('request', async (raw, response) => {
    for await (const _chunk of bodyOf({ raw })) break;
    response.writeHead(416).end();
    raw.resume();
  });
  const { client } = await open();
  const answered = once(client, 'response') as Promise<[IncomingMessage]>;
  client.write('hello');
  expect((await answered)[0].statusCode).toBe(416);
});
