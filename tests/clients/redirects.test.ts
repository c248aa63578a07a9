import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type ClientHome, clientHome } from '../support/client-home.ts';
import { deliveryLine } from '../support/delivery-log.ts';
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { type Image, image } from '../support/oci-image.ts';
import type { RegistryClient } from '../support/registry-client.ts';
import { describeWith } from '../support/requirements.ts';
import { tryCommand } from '../support/run-command.ts';
import { type S3Registry, type S3RegistryOptions, startS3Registry } from '../support/s3-registry.ts';

/** What S3 answers to a signed URL whose time is over: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
const EXPIRED = {
  status: 403,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
};

/** Clients that log in, and follow redirects by themselves. */
const CLIENTS = ['skopeo', 'podman', 'buildah'] as const;

/** A client from this address of the machine, in place of 127.0.0.1. */
const OTHER_ADDRESS = '127.0.0.3';

describeWith([...CLIENTS, 'curl', 'moto_server'], 'a registry that sends clients to the bucket', () => {
  let store: FaultProxy;
  let s3: S3Registry;
  let admin: RegistryClient;
  let home: ClientHome;
  let pushed: Image;

  /** The bucket has another host name than the registry, as everywhere but on one machine. */
  async function start(redirect: S3RegistryOptions['redirect']): Promise<void> {
    s3 = await startS3Registry({
      redirect,
      login: 'token',
      inFront: async (endpoint) => {
        store = await startFaultProxy(endpoint);
        return store.url.replace('127.0.0.1', 'localhost');
      },
    });
    admin = s3.registry.client();
    pushed = image({ layerSize: 100_000 });
    await admin.pushImage('group/app', pushed, 'v1');
  }
  beforeEach(() => {
    home = clientHome(s3.registry);
    store.clear();
  });
  afterEach(() => home.remove());

  async function stop(): Promise<void> {
    admin.close();
    await s3.stop();
    await store.stop();
  }

  const blobPath = (digest = pushed.blobs[1]?.digest) => `/v2/group/app/blobs/${digest}`;

  /** What clients asked of the store, by signed URLs. */
  const asked = (): readonly ProxiedRequest[] =>
    store.requests.filter((request) => request.path.includes('X-Amz-Signature='));

  /** Pulls the image with a client that has not done so before. */
  function pull(client: (typeof CLIENTS)[number]) {
    const { credentials, host } = s3.registry;
    const credentialsArgument = `${credentials.username}:${credentials.password}`;
    const remote = `docker://${host}/group/app:v1`;
    const options = { env: home.env };
    if (client === 'skopeo') {
      const from = ['--src-cert-dir', home.certificates, '--src-creds', credentialsArgument];
      return tryCommand('skopeo', ['--insecure-policy', 'copy', ...from, remote, `dir:${home.path}/pulled`], options);
    }
    const args = ['pull', '--cert-dir', home.certificates, '--creds', credentialsArgument, remote];
    return tryCommand(client, [...home.storageOptions, ...args], options);
  }

  async function curl(...args: string[]) {
    const authorization = await admin.authorization('GET', blobPath());
    const header = `Authorization: ${authorization['Authorization']}`;
    const url = `${s3.registry.url}${blobPath()}`;
    const written = path.join(home.path, 'blob');
    const fixed = ['--silent', '--show-error', '--fail', '--cacert', s3.registry.caFile, '--header', header];
    const { exitCode, stderr } = await tryCommand('curl', [...fixed, '--output', written, ...args, url]);
    return { exitCode, stderr, written };
  }

  describe('and back where they cannot reach it', () => {
    beforeAll(() => start({ exceptions: { networks: [OTHER_ADDRESS], useragents: ['far-away/*'] } }));
    afterAll(stop);

    test.each(CLIENTS)('%s gets every blob from there, and sends it neither token nor password', async (client) => {
      expect(await pull(client)).toMatchObject({ exitCode: 0 });
      for (const { digest } of pushed.blobs) {
        expect(asked().filter(({ path: way }) => way.includes(digest.replace('sha256:', '')))).not.toEqual([]);
      }
      for (const { headers } of asked()) {
        expect(headers.authorization).toBeUndefined();
        expect(headers.cookie).toBeUndefined();
      }
    });

    test.each(CLIENTS)(
      '%s fails where the signed URL has expired, and gets a new one when it tries again',
      async (client) => {
        store.inject({ path: /X-Amz-Signature=/, times: 1000, fault: EXPIRED });
        const refused = await pull(client);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.stderr).toMatch(/403|denied/i);
        const before = asked().length;
        expect(before).toBeGreaterThan(0);
        store.clear();
        expect(await pull(client)).toMatchObject({ exitCode: 0 });
      },
    );

    test('curl gets a blob, and the rest of it after a pull that broke off', async () => {
      const whole = await curl('--location');
      expect(whole.exitCode).toBe(0);
      expect(readFileSync(whole.written).equals(pushed.blobs[1]?.bytes as Buffer)).toBe(true);
      const rest = await curl('--location', '--range', '90000-');
      expect(readFileSync(rest.written).equals(pushed.blobs[1]?.bytes.subarray(90_000) as Buffer)).toBe(true);
      expect(asked()).toHaveLength(2);
      for (const { headers } of asked()) expect(headers.authorization).toBeUndefined();
    });

    test('curl is refused with 403 by a URL that has expired, and gets another one when it asks again', async () => {
      store.inject({ path: /X-Amz-Signature=/, fault: EXPIRED });
      const refused = await curl('--location');
      expect(refused).toMatchObject({ exitCode: 22, stderr: expect.stringContaining('403') });
      expect(await curl('--location')).toMatchObject({ exitCode: 0 });
    });

    test('a client of an excepted network gets the bytes from the registry itself', async () => {
      const line = await deliveryLine(s3.registry, async () => {
        const { exitCode, written } = await curl('--interface', OTHER_ADDRESS);
        expect(exitCode).toBe(0);
        expect(readFileSync(written).equals(pushed.blobs[1]?.bytes as Buffer)).toBe(true);
      });
      expect(asked()).toEqual([]);
      expect(line).toMatchObject({ client: OTHER_ADDRESS, delivery: 'direct' });
    });

    test('so does one with an excepted User-Agent', async () => {
      const { written } = await curl('--user-agent', 'far-away/1.2 (linux)');
      expect(readFileSync(written).equals(pushed.blobs[1]?.bytes as Buffer)).toBe(true);
      expect(asked()).toEqual([]);
    });

    test('HEAD is answered by the registry', async () => {
      const answer = await admin.head(blobPath());
      expect(answer.status).toBe(200);
      expect(answer.header('Content-Length')).toBe(String(pushed.blobs[1]?.bytes.length));
      expect(asked()).toEqual([]);
    });

    test('a redirect names the digest and lives as long as configured; the log says that there was one, without the URL', async () => {
      let location = '';
      const line = await deliveryLine(s3.registry, async () => {
        const answer = await admin.get(blobPath());
        expect(answer.status).toBe(307);
        expect(answer.header('Docker-Content-Digest')).toBe(pushed.blobs[1]?.digest);
        location = answer.header('Location');
      });
      expect(location).toMatch(new RegExp(`^${s3.endpoint}/registry/docker/.*X-Amz-Expires=1200&`));
      expect(line).toMatchObject({ status: 307, delivery: 'redirected' });
      expect(s3.registry.log).not.toContain(new URL(location).searchParams.get('X-Amz-Signature'));
      expect(s3.registry.log).not.toContain('X-Amz-');
    });
  });

  describe('but for those of the network that it is in', () => {
    beforeAll(() => start({ exceptions: { networks: ['127.0.0.0/8'] } }));
    afterAll(stop);

    test.each(CLIENTS)('%s gets every blob from the registry', async (client) => {
      expect(await pull(client)).toMatchObject({ exitCode: 0 });
      expect(asked()).toEqual([]);
    });
  });
});
