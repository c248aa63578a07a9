import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type Issuer, makeCertificate } from '../../registry-image/src/keys/make-certificate.ts';
import { childrenOf, isRunning, NOT_LINUX, processOfConnection } from '../support/linux-processes.ts';
import { type Content, image, randomBlob } from '../support/oci-image.ts';
import { basicAuthorization, mustBe, type RegistryClient } from '../support/registry-client.ts';
import { MAIN, type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeUnless } from '../support/requirements.ts';
import { tryCommand } from '../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

/** Failed logins of one account from one address, after which further ones are refused unseen. */
const FAILED_LOGINS = 10;

async function until(what: string, isSo: () => boolean | Promise<boolean>, milliseconds = 20_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(25);
  }
}

describeUnless(NOT_LINUX, 'a server of two processes', () => {
  let registry: RegistryProcess;

  describe('at work', () => {
    let clients: RegistryClient[];
    beforeAll(async () => {
      registry = await startRegistry({ processes: 2 });
      clients = await registry.clientsOfProcesses();
    });
    afterAll(async () => {
      for (const client of clients) client.close();
      await registry.stop();
    });

    test('answers from both on one port', () => {
      expect(registry.pids).toHaveLength(2);
      expect(clients).toHaveLength(2);
    });

    test('shows at the one what the other has taken, and not any more what the other has removed', async () => {
      const [first, second] = clients as [RegistryClient, RegistryClient];
      for (const [writing, reading] of [
        [first, second],
        [second, first],
        [first, second],
      ] as const) {
        const pushed = image();
        const { digest } = pushed.manifest;
        const base = '/v2/group/app';
        await writing.pushImage('group/app', pushed, 'latest');
        const pulled = await reading.get(`${base}/manifests/latest`);
        expect(pulled.header('Docker-Content-Digest')).toBe(digest);
        for (const blob of pushed.blobs) mustBe(await reading.get(`${base}/blobs/${blob.digest}`), 200, 'a blob');
        mustBe(await reading.delete(`${base}/manifests/${digest}`), 202, 'a delete');
        expect((await writing.get(`${base}/manifests/latest`)).status).toBe(404);
        expect((await writing.get(`${base}/manifests/${digest}`)).status).toBe(404);
        expect(await writing.tags('group/app')).toEqual([]);
        const [blob] = pushed.blobs as readonly [Content];
        mustBe(await writing.delete(`${base}/blobs/${blob.digest}`), 202, 'a delete');
        expect((await reading.get(`${base}/blobs/${blob.digest}`)).status).toBe(404);
      }
    });

    test('takes the same image at both at once', async () => {
      const pushed = image({ layers: 3, layerSize: 20_000 });
      await Promise.all(
        [...clients, ...clients].map((client, number) => client.pushImage('crowded', pushed, `v${number % 3}`)),
      );
      expect(await (clients[0] as RegistryClient).tags('crowded')).toEqual(['v0', 'v1', 'v2']);
    });
  });

  describe('of which one is killed', () => {
    afterEach(() => registry.stop());

    test('replaces it, frees what it had in hand, and answers meanwhile', async () => {
      registry = await startRegistry({ processes: 2 });
      const [first, second] = (await registry.clientsOfProcesses()) as [RegistryClient, RegistryClient];
      const [firstPid, killed] = registry.pids as [number, number];
      const blob = randomBlob(4_000_000);
      const location = await second.startUpload('group/app');
      const request = second.http.open('PATCH', location, { 'Content-Length': String(blob.bytes.length) });
      request.on('error', () => {});
      request.write(blob.bytes.subarray(0, 3_000_000));
      const file = path.join(registry.storageDirectory, 'uploads', path.basename(location), 'data');
      await until('some of it is kept', () => existsSync(file) && statSync(file).size > 0);
      process.kill(killed, 'SIGKILL');

      const before = Date.now();
      const status = await first.get(location);
      mustBe(status, 204, 'the status of its upload');
      // Nobody has to wait until it has not been heard of for a while.
      expect(Date.now() - before).toBeLessThan(8_000);
      const kept = Number(status.header('Range').split('-')[1]) + 1;
      mustBe(await first.finishUpload(location, blob.digest, blob.bytes.subarray(kept)), 201, 'the end of its upload');

      await until('another one is there', () => childrenOf(firstPid).some((pid) => pid !== killed));
      const [, replacement] = await registry.clientsOfProcesses();
      expect((await replacement?.get(`/v2/group/app/blobs/${blob.digest}`))?.status).toBe(200);
      expect(registry.log).toContain('a process of the server has died and is replaced');
      for (const client of [first, second, replacement]) client?.close();
    });

    test('leaves none behind when it was the first, and can be started again at once', async () => {
      registry = await startRegistry({ processes: 3 });
      const blob = randomBlob();
      const client = registry.client();
      await client.pushBlob('group/app', blob);
      for (let time = 0; time < 3; time += 1) {
        const [, ...others] = registry.pids;
        expect(others).toHaveLength(2);
        await registry.kill();
        await registry.restart();
        expect(others.filter(isRunning)).toEqual([]);
        mustBe(await client.get(`/v2/group/app/blobs/${blob.digest}`), 200, 'a blob');
      }
      client.close();
    });

    test('leaves none behind either when the first is killed while the others start', async () => {
      registry = await startRegistry({ processes: 2 });
      await registry.pause();
      for (const milliseconds of [300, 600, 900, 1_200]) await registry.interrupt('serve', milliseconds);
      await registry.restart();
      const client = registry.client();
      mustBe(await client.get('/v2/'), 200, 'the server');
      client.close();
    });
  });

  describe('with a certificate of its own', () => {
    let directory: TemporaryDirectory;
    let authority: Issuer;
    const file = (name: string) => path.join(directory.path, 'tls', name);
    const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

    beforeAll(async () => {
      directory = temporaryDirectory('reload');
      mkdirSync(path.join(directory.path, 'tls'));
      const privateKey = newKey();
      const props = { commonName: 'authority', days: 100, purpose: 'authority' } as const;
      authority = { privateKey, certificate: await makeCertificate({ ...props, privateKey }) };
      writeFileSync(file('ca.crt'), authority.certificate.toString());
    });
    afterAll(async () => {
      await registry.stop();
      directory.remove();
    });

    /** @returns the fingerprint of the new one */
    async function renew(): Promise<string> {
      const privateKey = newKey();
      const props = {
        commonName: 'server',
        days: 50,
        purpose: 'server',
        hosts: ['127.0.0.1'],
        issuer: authority,
      } as const;
      const certificate = await makeCertificate({ ...props, privateKey });
      writeFileSync(file('server.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      writeFileSync(file('server.crt'), certificate.toString());
      return certificate.fingerprint256;
    }

    /** The fingerprints of the certificates that the processes show, in the order of their ids. */
    async function shown(): Promise<string[]> {
      const port = Number(registry.host.split(':')[1]);
      const found = new Map<number, string>();
      while (found.size < registry.pids.length) {
        const socket = connect({ port, host: '127.0.0.1', ca: registry.ca as string });
        await once(socket, 'secureConnect');
        const pid = processOfConnection(socket.localPort as number, port, registry.pids);
        if (pid !== undefined) found.set(pid, socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      }
      return registry.pids.map((pid) => found.get(pid) as string);
    }

    test('takes a renewed one into service in all processes when the first gets SIGHUP', async () => {
      const first = await renew();
      const http = { tls: { certificate: file('server.crt'), key: file('server.key') } };
      registry = await startRegistry({ login: 'token', processes: 2, directory: directory.path, http });
      expect(await shown()).toEqual([first, first]);
      const second = await renew();
      process.kill(registry.pids[0] as number, 'SIGHUP');
      await until('both have it', async () => (await shown()).every((one) => one === second));
      // A terminal sends the signal to all of them.
      for (const pid of registry.pids) process.kill(pid, 'SIGHUP');
      await sleep(200);
      expect(await shown()).toEqual([second, second]);
    });

    test('counts the failed logins at all of them together', async () => {
      const clients = await registry.clientsOfProcesses();
      const login = async (client: RegistryClient, username: string, password: string) => {
        const headers = { Authorization: basicAuthorization({ username, password }) };
        const { status } = await client.http.request('GET', '/jwt/auth?service=container_registry', { headers });
        // What one process is told, the other one hears a moment later.
        await sleep(20);
        return status;
      };
      const statuses: number[] = [];
      for (let time = 0; time < FAILED_LOGINS + 2; time += 1) {
        statuses.push(await login(clients[time % 2] as RegistryClient, 'somebody', 'guessed'));
      }
      expect(statuses).toEqual([...Array(FAILED_LOGINS).fill(401), 429, 429]);
      const { username, password } = registry.credentials;
      for (const client of clients) expect(await login(client, username, password)).toBe(200);
      for (const client of clients) client.close();
    });
  });
});

describe('a server that cannot start ends in the same way, however many processes it would have', () => {
  let directory: TemporaryDirectory;
  beforeAll(() => {
    directory = temporaryDirectory('faulty');
  });
  afterAll(() => directory.remove());

  const rootdirectory = () => path.join(directory.path, 'storage');
  /** Runs it to its end. */
  async function serve(config: object, processes: number) {
    const file = path.join(directory.path, `config-${processes}.yml`);
    writeFileSync(
      file,
      stringify({ version: 0.1, storage: { filesystem: { rootdirectory: rootdirectory() } }, ...config }),
    );
    const env = { REGISTRY_HTTP_PROCESSES: String(processes) };
    const { exitCode, stderr } = await tryCommand(process.execPath, [MAIN, 'serve', file], { env });
    return { exitCode, stderr: stderr.replaceAll(file, 'FILE') };
  }

  test('with a fault in its configuration', async () => {
    const config = { http: { addr: '127.0.0.1:0', draintimeout: 'soon' } };
    const [one, three] = await Promise.all([serve(config, 1), serve(config, 3)]);
    expect(one.exitCode).toBe(78);
    expect(one.stderr).toContain('http.draintimeout');
    expect(three).toEqual(one);
  });

  test('with files that cannot be read', async () => {
    const tls = {
      certificate: path.join(directory.path, 'missing.crt'),
      key: path.join(directory.path, 'missing.key'),
    };
    const config = { http: { addr: '127.0.0.1:0', tls } };
    const one = await serve(config, 1);
    expect(one.exitCode).not.toBe(0);
    expect(one.stderr).toContain('missing.crt');
    expect(await serve(config, 3)).toEqual(one);
  });

  test('with a port that another program listens on', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const addr = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const one = await serve({ http: { addr } }, 1);
    expect(one).toEqual({
      exitCode: 1,
      stderr: `error: ${addr} is taken by another program; stop that, or choose another port in http.addr\n`,
    });
    expect(await serve({ http: { addr } }, 3)).toEqual(one);
    taken.close();
  });

  test('with the index of a server that runs, even on another port', async () => {
    const running = await startRegistry();
    const index = { sqlite: { path: path.join(running.directory, 'index.sqlite') } };
    const config = { http: { addr: '127.0.0.1:0' }, index };
    const one = await serve(config, 1);
    expect(one.exitCode).toBe(1);
    expect(one.stderr).toContain('is in use by another server');
    expect(await serve(config, 3)).toEqual(one);
    await running.stop();
  });
});
