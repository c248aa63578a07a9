import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ramRoleKeys } from '../../../registry-image/src/storage/oss-identity.ts';

const KEYS = {
  Code: 'Success',
  AccessKeyId: 'STS.id',
  AccessKeySecret: 'secret',
  SecurityToken: 'token',
  Expiration: '2030-01-01T00:00:00Z',
};

const PATH = '/latest/meta-data/ram/security-credentials/';

/** The metadata service of an ECS instance: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata */
interface MetadataService {
  readonly url: string;
  readonly requests: string[];
}

describe('the RAM role of an instance', () => {
  let server: Server | undefined;

  afterEach(async () => {
    server?.close();
    server?.closeAllConnections();
    server = undefined;
  });

  async function start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<MetadataService> {
    const requests: string[] = [];
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
  }

  /** @param hardened demands a session, as instances in security hardening mode do */
  const service = (hardened: boolean, keys: object = KEYS) =>
    start((request, response) => {
      const { method, url, headers } = request;
      if (method === 'PUT' && url === '/latest/api/token' && hardened) {
        const seconds = Number(headers['x-aliyun-ecs-metadata-token-ttl-seconds']);
        response.writeHead(seconds >= 1 && seconds <= 21_600 ? 200 : 400).end('session');
      } else if (hardened && headers['x-aliyun-ecs-metadata-token'] !== 'session') {
        response.writeHead(403).end();
      } else if (url === PATH) {
        response.end('registry-role\n');
      } else if (url === `${PATH}registry-role`) {
        response.end(JSON.stringify(keys));
      } else {
        response.writeHead(404).end();
      }
    });

  test.each([
    ['demands a session', true],
    ['knows none', false],
  ])('gives its keys, and when they end, where the metadata service %s', async (_what, hardened) => {
    const { url } = await service(hardened);
    expect(await ramRoleKeys(url)()).toEqual({
      accessKeyId: 'STS.id',
      secretAccessKey: 'secret',
      sessionToken: 'token',
      expiration: new Date('2030-01-01T00:00:00Z'),
    });
  });

  test('is asked for again when the metadata service fails for a moment', async () => {
    let failures = 2;
    const { url, requests } = await start((request, response) => {
      if (failures-- > 0) response.writeHead(503).end();
      else if (request.url === PATH) response.end('role');
      else response.end(JSON.stringify(KEYS));
    });
    expect(await ramRoleKeys(url)()).toMatchObject({ accessKeyId: 'STS.id' });
    expect(requests.filter((request) => request === 'PUT /latest/api/token')).toHaveLength(3);
  });

  test('that the instance does not have is said to be missing', async () => {
    const { url } = await start((_request, response) => void response.writeHead(404).end());
    await expect(ramRoleKeys(url)()).rejects.toMatchObject({
      name: 'CredentialsProviderError',
      message: 'the instance has no RAM role',
    });
  });

  test('whose keys cannot be had says why, and names no key', async () => {
    const { url } = await service(true, { ...KEYS, Code: 'Failed' });
    const error: Error = await ramRoleKeys(url)().catch((failure) => failure);
    expect(error.message).toBe('the metadata service has no keys for the RAM role "registry-role": Failed');
  });

  test('on a machine that is none of Alibaba Cloud ends in an error that says so', async () => {
    const { url } = await service(true);
    server?.close();
    server?.closeAllConnections();
    await expect(ramRoleKeys(url)()).rejects.toThrow(
      /^the metadata service of Alibaba Cloud does not answer: connect ECONNREFUSED/,
    );
  });
});
