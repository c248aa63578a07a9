import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../registry-image/src/config/load.ts';
import { blobDataKey } from '../../registry-image/src/storage/key-layout.ts';
import { keepSelfSigned } from '../../registry-image/src/tls/self-signed.ts';
import type { BackgroundProcess } from '../support/background-process.ts';
import { clientHome } from '../support/client-home.ts';
import { deliveryLine } from '../support/delivery-log.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient, type HttpResponse } from '../support/http-client.ts';
import { documentedConfiguration, documentedSite, filledIn, startNginx } from '../support/nginx.ts';
import { type Content, image, randomBlob, writeOciLayout } from '../support/oci-image.ts';
import { RegistryClient } from '../support/registry-client.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MIB = 1024 ** 2;

/** Headers of one connection, not of the answer. */
const HOP_BY_HOP = ['connection', 'date', 'keep-alive', 'server', 'transfer-encoding'];

/** Stands between nginx and the registry, and counts what the registry sends. */
async function countingRelay(port: number) {
  let bytes = 0;
  const server = createServer((fromNginx) => {
    const toRegistry = connect(port, '127.0.0.1');
    toRegistry.on('data', (chunk) => {
      bytes += chunk.length;
    });
    toRegistry.on('error', () => fromNginx.destroy());
    fromNginx.on('error', () => toRegistry.destroy());
    fromNginx.pipe(toRegistry).pipe(fromNginx);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Bytes that the registry sent while `work` ran. */
    async during(work: () => Promise<unknown>): Promise<number> {
      const before = bytes;
      await work();
      return bytes - before;
    },
    close: () => server.close(),
  };
}

describe('docs/reverse-proxy.md', () => {
  test('has a configuration and a site that fit together', () => {
    const { config, warnings } = parseConfig(documentedConfiguration(), 'docs/reverse-proxy.md', {});
    const { accelredirect, addr, trustedproxies } = config.http;
    expect(warnings).toEqual([]);
    expect(trustedproxies).toEqual(['127.0.0.1']);
    expect(documentedSite()).toContain(`server ${addr.host}:${addr.port};`);
    expect(documentedSite()).toContain(`location ${accelredirect?.prefix} {`);
    expect(documentedSite()).toContain(`alias ${config.storage.filesystem?.rootdirectory}/;`);
  });
});

describeWith(['nginx', 'skopeo'], 'the site of docs/reverse-proxy.md', () => {
  const directory = temporaryDirectory('nginx');
  const large = randomBlob(3 * MIB);
  const small = randomBlob(10_000);
  let registry: RegistryProcess;
  let relay: Awaited<ReturnType<typeof countingRelay>>;
  let nginx: BackgroundProcess;
  let client: RegistryClient;
  let host: string;
  let caFile: string;

  beforeAll(async () => {
    host = `127.0.0.1:${await freePort()}`;
    const url = `https://${host}`;
    registry = await startRegistry({ login: 'token', behind: url, http: { accelredirect: {} } });
    relay = await countingRelay(Number(new URL(registry.url).port));
    const tls = await keepSelfSigned(path.join(directory.path, 'tls'), ['127.0.0.1']);
    caFile = tls.authority;
    const ca = readFileSync(caFile, 'utf8');
    const site = filledIn(documentedSite(), {
      '127.0.0.1:5000': relay.host,
      'listen 443 ssl;': `listen ${host} ssl;`,
      'listen [::]:443 ssl;': '',
      '/etc/nginx/tls/registry.crt': tls.certificate,
      '/etc/nginx/tls/registry.key': tls.key,
      '/var/lib/registry': registry.storageDirectory,
    });
    nginx = await startNginx({ site, url, ca, directory: directory.path });
    client = new RegistryClient({ url, ca, credentials: registry.credentials });
    for (const blob of [large, small]) await client.pushBlob('group/app', blob);
  });
  afterAll(async () => {
    client?.close();
    await nginx?.stop();
    relay?.close();
    await registry?.stop();
    directory.remove();
  });

  const blobPath = ({ digest }: Pick<Content, 'digest'>) => `/v2/group/app/blobs/${digest}`;

  /** The same request to the registry itself, past nginx, with a token that came through it. */
  async function direct(method: string, target: string, headers: Record<string, string>): Promise<HttpResponse> {
    const past = new HttpClient(registry.url);
    const authorization = await client.authorization(method, target);
    try {
      return await past.request(method, target, { headers: { ...authorization, ...headers } });
    } finally {
      past.close();
    }
  }

  function comparable({ status, headers, body }: HttpResponse) {
    const names = Object.keys(headers).filter((name) => !HOP_BY_HOP.includes(name));
    const digest = createHash('sha256').update(body).digest('hex');
    return { status, headers: Object.fromEntries(names.sort().map((name) => [name, headers[name]])), digest };
  }

  test('lets skopeo log in, push and pull', async () => {
    const home = clientHome({ caFile });
    const pushed = image({ layerSize: 300_000 });
    const { username, password } = registry.credentials;
    const options = { env: home.env, input: password };
    const certificates = (side: string) => [`--${side}cert-dir`, home.certificates];
    await runCommand(
      'skopeo',
      ['login', ...certificates(''), '--username', username, '--password-stdin', host],
      options,
    );
    writeOciLayout(path.join(home.path, 'pushed'), pushed, 'v1');
    const copy = ['--insecure-policy', 'copy'];
    const remote = `docker://${host}/group/app:v1`;
    await runCommand('skopeo', [...copy, ...certificates('dest-'), `oci:${home.path}/pushed:v1`, remote], options);
    await runCommand('skopeo', [...copy, ...certificates('src-'), remote, `oci:${home.path}/pulled:v1`], options);
    for (const { digest, bytes } of pushed.blobs) {
      expect(readFileSync(path.join(home.path, 'pulled', 'blobs', ...digest.split(':'))).equals(bytes)).toBe(true);
    }
    home.remove();
  });

  test('passes on a layer of 64 MiB without a length, and gives it back without a byte of it from the registry', async () => {
    const layer = randomBlob(64 * MIB);
    const location = await client.startUpload('group/app');
    const chunks = async function* () {
      for (let at = 0; at < layer.bytes.length; at += MIB) yield layer.bytes.subarray(at, at + MIB);
    };
    expect((await client.sendChunk(location, chunks)).status).toBe(202);
    expect((await client.finishUpload(location, layer.digest)).status).toBe(201);
    let line = {};
    const sent = await relay.during(async () => {
      line = await deliveryLine(registry, async () => {
        const pulled = await client.get(blobPath(layer));
        expect(pulled.status).toBe(200);
        expect(pulled.body.equals(layer.bytes)).toBe(true);
      });
    });
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(4096);
    expect(line).toMatchObject({ delivery: 'accelerated', bytes: 0, status: 200 });
  });

  test('leaves small blobs to the registry', async () => {
    const line = await deliveryLine(registry, async () => {
      expect((await client.get(blobPath(small))).body.equals(small.bytes)).toBe(true);
    });
    expect(line).toMatchObject({ delivery: 'direct', bytes: small.bytes.length });
  });

  const ETAG = `"${large.digest}"`;
  test.each<[string, string, Record<string, string>, number]>([
    ['GET', 'the whole', {}, 200],
    ['HEAD', 'the whole', {}, 200],
    ['GET', 'a part', { Range: 'bytes=1000000-1999999' }, 206],
    ['GET', 'the end', { Range: 'bytes=-500' }, 206],
    ['GET', 'the rest', { Range: 'bytes=3000000-' }, 206],
    ['GET', 'the first byte', { Range: 'bytes=0-0' }, 206],
    ['GET', 'a part behind the end', { Range: 'bytes=99999999-' }, 416],
    ['GET', 'several parts', { Range: 'bytes=0-9,20-29' }, 200],
    ['GET', 'the rest of what it has', { Range: 'bytes=3000000-', 'If-Range': ETAG }, 206],
    ['GET', 'the rest of something else', { Range: 'bytes=3000000-', 'If-Range': '"other"' }, 200],
    ['GET', 'what it has already', { 'If-None-Match': ETAG }, 304],
    ['GET', 'what it has, if still the same', { 'If-Match': ETAG }, 200],
    ['GET', 'what has changed since', { 'If-Modified-Since': new Date(Date.now() + 60_000).toUTCString() }, 200],
    ['GET', 'it packed', { 'Accept-Encoding': 'gzip' }, 200],
  ])('answers %s of %s %j as the registry itself does, header by header', async (method, _what, headers, status) => {
    for (const blob of [large, small]) {
      const through = await client.request(method, blobPath(blob), { headers });
      expect(comparable(through)).toEqual(comparable(await direct(method, blobPath(blob), headers)));
      if (blob === large) expect(through.status).toBe(status);
    }
  });

  test('refuses a Range that cannot be understood, which the registry itself ignores, as documented', async () => {
    expect((await client.get(blobPath(large), { Range: 'bytes=a-b' })).status).toBe(416);
    expect((await direct('GET', blobPath(large), { Range: 'bytes=a-b' })).status).toBe(200);
  });

  test('goes on with a pull that broke off', async () => {
    const authorization = await client.authorization('GET', blobPath(large));
    const request = client.http.open('GET', blobPath(large), authorization).end();
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const chunk of answer) {
      parts.push(chunk);
      if (parts.length === 5) break;
    }
    const start = Buffer.concat(parts);
    expect(start.length).toBeLessThan(large.bytes.length);
    const rest = await client.get(blobPath(large), { Range: `bytes=${start.length}-`, 'If-Range': ETAG });
    expect(rest.status).toBe(206);
    expect(Buffer.concat([start, rest.body]).equals(large.bytes)).toBe(true);
  });

  test.each(['/_blobs/', '/%5Fblobs/', '/v2/..%2F_blobs/', '/v2/../_blobs/'])(
    'shows no file to a client that asks for %s itself',
    async (prefix) => {
      const answer = await client.request('GET', `${prefix}${blobDataKey(large.digest)}`, {
        headers: { 'X-Accel-Redirect': `/_blobs/${blobDataKey(large.digest)}` },
      });
      expect(answer.status).toBe(404);
      expect(answer.headers['docker-content-digest']).toBeUndefined();
    },
  );

  test('asks for a login before any byte', async () => {
    const answer = await client.http.request('GET', blobPath(large));
    expect(answer.status).toBe(401);
    expect(answer.header('WWW-Authenticate')).toContain(`realm="https://${host}/jwt/auth"`);
  });

  test('tells the registry who asks, whatever the client says about itself', async () => {
    const lies = { 'X-Forwarded-For': '203.0.113.9', 'X-Sendfile-Type': 'X-Sendfile' };
    const line = await deliveryLine(registry, () => client.get(blobPath(large), lies));
    expect(line).toMatchObject({ client: '127.0.0.1', delivery: 'accelerated' });
  });

  test('finds a file where links within the directory of the registry lead', async () => {
    const linked = randomBlob(MIB);
    await client.pushBlob('group/app', linked);
    const place = path.dirname(path.join(registry.storageDirectory, blobDataKey(linked.digest)));
    const elsewhere = path.join(registry.storageDirectory, 'second disk, 100%?');
    mkdirSync(elsewhere);
    renameSync(place, path.join(elsewhere, 'moved'));
    symlinkSync(path.join(elsewhere, 'moved'), place);
    const line = await deliveryLine(registry, async () => {
      const answer = await client.get(blobPath(linked));
      expect(answer.status).toBe(200);
      expect(answer.body.equals(linked.bytes)).toBe(true);
    });
    expect(line).toMatchObject({ delivery: 'accelerated' });
  });
});
