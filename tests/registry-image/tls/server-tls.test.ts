import { generateKeyPairSync, type KeyObject, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConfigInput, configSchema } from '../../../registry-image/src/config/schema.ts';
import { type Issuer, makeCertificate } from '../../../registry-image/src/keys/make-certificate.ts';
import { loadServerTls, type ServerTls, type TlsSettings } from '../../../registry-image/src/tls/server-tls.ts';
import { watchServerTls } from '../../../registry-image/src/tls/watch-server-tls.ts';
import { describeWith, findTool } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

let directory: TemporaryDirectory;
let servers: Server[] = [];
const inDirectory = (name: string) => path.join(directory.path, name);
beforeEach(() => {
  directory = temporaryDirectory('server-tls');
});
afterEach(() => {
  for (const server of servers) server.close().closeAllConnections();
  servers = [];
  directory.remove();
});

const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

interface Pair {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

async function authorityPair(issuer?: Issuer): Promise<Pair> {
  const privateKey = ecKey();
  const commonName = issuer ? 'Intermediate' : 'Root';
  return {
    privateKey,
    certificate: await makeCertificate({
      commonName,
      privateKey,
      days: 100,
      purpose: 'authority',
      ...(issuer && { issuer }),
    }),
  };
}

async function serverPair(
  issuer: Issuer,
  hosts: readonly string[] = ['registry.example.com'],
  days = 50,
): Promise<Pair> {
  const privateKey = ecKey();
  const certificate = await makeCertificate({
    commonName: 'server',
    privateKey,
    days,
    purpose: 'server',
    hosts,
    issuer,
  });
  return { privateKey, certificate };
}

function settings(tls: Partial<NonNullable<NonNullable<ConfigInput['http']>['tls']>> = {}): TlsSettings {
  const given = tls.selfsigned ? {} : { certificate: inDirectory('server.crt'), key: inDirectory('server.key') };
  const parsed = configSchema.parse({ version: 0.1, storage: { inmemory: {} }, http: { tls: { ...given, ...tls } } });
  return parsed.http.tls as TlsSettings;
}

function write(key: KeyObject, ...certificates: X509Certificate[]): void {
  writeFileSync(inDirectory('server.key'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(inDirectory('server.crt'), certificates.join(''));
}

async function faultsOf(tls: TlsSettings, host?: string): Promise<{ path: string; message: string }[]> {
  const result = await loadServerTls(tls, host).then(
    () => [],
    (error) => error.faults,
  );
  return result;
}

const selfSigned = () => settings({ selfsigned: { directory: inDirectory('tls'), hosts: ['localhost', '127.0.0.1'] } });

describe('a given certificate', () => {
  test('with its intermediate is taken', async () => {
    const root = await authorityPair();
    const intermediate = await authorityPair(root);
    const server = await serverPair(intermediate);
    write(server.privateKey, server.certificate, intermediate.certificate);
    const { options, caFile } = await loadServerTls(settings(), 'registry.example.com');
    expect(options).toMatchObject({ minVersion: 'TLSv1.2', requestCert: false });
    expect(options.cert).toBe(`${server.certificate}${intermediate.certificate}`);
    expect(caFile).toBeUndefined();
  });

  test('without the certificate of a private authority is taken with a warning', async () => {
    const server = await serverPair(await authorityPair());
    write(server.privateKey, server.certificate);
    expect((await loadServerTls(settings())).warnings).toEqual([expect.stringContaining('issued by "CN=Root"')]);
  });

  test('that has everything wrong is refused with every reason at once', async () => {
    const root = await authorityPair();
    const expired = await serverPair(root, ['*.example.com', 'example.com'], 0);
    const stranger = await authorityPair();
    write(ecKey(), expired.certificate, stranger.certificate);
    chmodSync(inDirectory('server.key'), 0o644);
    const tls = settings({ clientcas: [inDirectory('missing.crt')], ciphersuites: ['TLS_RSA_WITH_RC4_128_SHA'] });
    expect(await faultsOf(tls, 'a.b.example.com')).toEqual([
      { path: 'http.tls.key', message: expect.stringContaining('(mode 0644); allowed is 0600 or 0400: chmod 600') },
      { path: 'http.tls.certificate', message: expect.stringMatching(/certificate of "CN=server" expired at \d{4}-/) },
      {
        path: 'http.tls.certificate',
        message: expect.stringContaining('certificate 2 ("CN=Root") did not issue certificate 1'),
      },
      {
        path: 'http.tls.certificate',
        message: expect.stringContaining(
          'is not for the host a.b.example.com; it is for DNS:*.example.com, DNS:example.com (a wildcard stands for one label)',
        ),
      },
      { path: 'http.tls.clientcas.0', message: expect.stringContaining('does not exist') },
      {
        path: 'http.tls.ciphersuites.0',
        message: expect.stringContaining('"TLS_RSA_WITH_RC4_128_SHA" is no cipher suite'),
      },
    ]);
  });

  test('of another key is refused', async () => {
    const server = await serverPair(await authorityPair());
    write(ecKey(), server.certificate);
    expect(await faultsOf(settings())).toEqual([
      { path: 'http.tls.certificate', message: expect.stringContaining('is not the certificate of the key') },
    ]);
  });

  test('behind its intermediate is refused with the right order', async () => {
    const root = await authorityPair();
    const server = await serverPair(root);
    write(server.privateKey, root.certificate, server.certificate);
    expect((await faultsOf(settings()))[0]?.message).toContain(
      'has the certificate of the key in place 2; the order is',
    );
  });

  test('that is missing or no PEM is refused', async () => {
    expect((await faultsOf(settings())).map(({ path }) => path)).toEqual(['http.tls.key', 'http.tls.certificate']);
    write(ecKey());
    expect((await faultsOf(settings()))[0]?.message).toContain('holds no certificate and no public key in PEM');
  });

  test.each([
    ['registry.example.com', true],
    ['REGISTRY.example.com', true],
    ['a.registry.example.com', false],
    ['example.com', false],
    ['one.apps.example.com', true],
    ['apps.example.com', false],
    ['a.one.apps.example.com', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['[2001:db8::7]', true],
  ])('for names, a wildcard and addresses covers %s: %s', async (host, covered) => {
    const hosts = ['registry.example.com', '*.apps.example.com', '192.0.2.7', '2001:db8::7'];
    const server = await serverPair(await authorityPair(), hosts);
    write(server.privateKey, server.certificate);
    expect((await faultsOf(settings(), host)).length).toBe(covered ? 0 : 1);
  });
});

describe('a self-signed certificate', () => {
  test('comes with the file of its authority', async () => {
    const { caFile, warnings } = await loadServerTls(selfSigned(), 'localhost');
    expect([caFile, warnings]).toEqual([inDirectory('tls/ca.crt'), []]);
  });

  test('that leaves out the host that clients call is refused', async () => {
    expect(await faultsOf(selfSigned(), 'registry.example.com')).toEqual([
      {
        path: 'http.tls.selfsigned.hosts',
        message: expect.stringContaining('is not for the host registry.example.com'),
      },
    ]);
  });
});

async function serve({ options }: ServerTls): Promise<{ server: Server; port: number }> {
  const server = createServer(options, (_request, response) => response.end('served'));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

function get(port: number, options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: 'localhost', port, family: 4, agent: false, ...options }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    });
    asked.once('error', reject).end();
  });
}

async function connectTo(port: number, options: object): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

describe('the server', () => {
  test('is trusted by a client that has the authority, and by no other', async () => {
    const tls = await loadServerTls(selfSigned());
    const { port } = await serve(tls);
    expect(await get(port, { ca: readFileSync(tls.caFile as string) })).toBe('served');
    await expect(get(port, {})).rejects.toThrow(/self-signed|unable to/);
  });

  test('speaks TLS 1.2 at least, or 1.3 when so configured', async () => {
    const insecure = { rejectUnauthorized: false, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' };
    const { port } = await serve(await loadServerTls(selfSigned()));
    expect(await get(port, { ...insecure, maxVersion: 'TLSv1.2' })).toBe('served');
    await expect(get(port, { ...insecure, maxVersion: 'TLSv1.1' })).rejects.toThrow();
    const strict = await serve(await loadServerTls({ ...selfSigned(), minimumtls: 'tls1.3' }));
    expect(await get(strict.port, insecure)).toBe('served');
    await expect(get(strict.port, { ...insecure, maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  test('uses the cipher suites that are named, as OpenSSL or as IANA names them', async () => {
    const names = ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    const { port } = await serve(await loadServerTls({ ...selfSigned(), ciphersuites: names }));
    const insecure = { rejectUnauthorized: false, maxVersion: 'TLSv1.2' };
    const socket = await connectTo(port, insecure);
    expect(socket.getCipher().name).toBe('ECDHE-ECDSA-CHACHA20-POLY1305');
    socket.destroy();
    await expect(get(port, { ...insecure, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow();
  });

  test('with clientcas lets in clients with a certificate of these authorities only', async () => {
    const authority = await authorityPair();
    writeFileSync(inDirectory('clients.crt'), authority.certificate.toString());
    const { port } = await serve(await loadServerTls({ ...selfSigned(), clientcas: [inDirectory('clients.crt')] }));
    const clientKey = ecKey();
    const props = { commonName: 'client', privateKey: clientKey, days: 1, purpose: 'token' } as const;
    const cert = (await makeCertificate({ ...props, issuer: authority })).toString();
    const stranger = (await makeCertificate(props)).toString();
    const key = clientKey.export({ type: 'pkcs8', format: 'pem' });
    expect(await get(port, { rejectUnauthorized: false, cert, key })).toBe('served');
    await expect(get(port, { rejectUnauthorized: false, cert: stranger, key })).rejects.toThrow();
    await expect(get(port, { rejectUnauthorized: false })).rejects.toThrow();
  });
});

describe('a certificate that is renewed', () => {
  const messages: string[] = [];
  const log = {
    info: (message: string) => messages.push(message),
    error: (_details: object, message: string) => messages.push(message),
  };
  beforeEach(() => {
    messages.length = 0;
  });

  test('is taken into service without dropping connections, and a faulty one is not', async () => {
    const authority = await authorityPair();
    const renew = async () => {
      const { privateKey, certificate } = await serverPair(authority, ['localhost']);
      write(privateKey, certificate);
      return certificate.fingerprint256;
    };
    const first = await renew();
    const tls = await loadServerTls(settings());
    const { server, port } = await serve(tls);
    const watch = watchServerTls(server, settings(), tls.options, log);
    const ca = authority.certificate.toString();
    const open = await connectTo(port, { ca });
    const served = async () => {
      const socket = await connectTo(port, { ca });
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    await watch.reload();
    expect(await served()).toBe(first);

    const second = await renew();
    await watch.reload();
    expect(await served()).toBe(second);
    open.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String((await once(open, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
    open.destroy();

    writeFileSync(inDirectory('server.crt'), 'half of a fi');
    await watch.reload();
    await watch.reload();
    expect(await served()).toBe(second);
    expect(messages).toEqual(['TLS certificate reloaded', 'TLS certificate not reloaded; the one in use stays']);
    watch.close();
  });
});

describeWith(['curl', 'skopeo'], 'the certificate made on first start', () => {
  test('is trusted by curl and by the TLS of Go', async () => {
    const tls = await loadServerTls(selfSigned());
    const { port } = await serve(tls);
    const caFile = tls.caFile as string;
    const curl = await runCommand(findTool('curl') as string, [
      '-sS',
      '--cacert',
      caFile,
      `https://localhost:${port}/`,
    ]);
    expect(curl.stdout).toBe('served');
    // The answer is no registry's, but it can only be read when the connection is trusted.
    const inspect = ['inspect', '--no-creds', `docker://127.0.0.1:${port}/a:b`];
    const skopeo = runCommand(findTool('skopeo') as string, inspect, { env: { SSL_CERT_FILE: caFile } });
    await expect(skopeo).rejects.toThrow(/unsupported schema version|manifest/);
  });
});
