import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { believeProxiesAlone, trustProxies } from '../../../registry-image/src/http/forwarded-headers.ts';
import { NetworkList } from '../../../registry-image/src/http/network-list.ts';
import { memoryApp } from '../../support/memory-app.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { authConfig } from '../auth/auth-settings.ts';

const PROXY = '10.0.0.7';
const CLIENT = '203.0.113.9';

describe('what a proxy says of a request', () => {
  let app: FastifyInstance;

  beforeEach(() => {
    const proxies = new NetworkList(['10.0.0.0/24', 'fd00::7']);
    app = Fastify(trustProxies(proxies)) as unknown as FastifyInstance;
    believeProxiesAlone(app, proxies);
    app.get('/', async ({ ip, host, headers }) => ({ ip, host, headers }));
  });
  afterEach(() => app.close());

  async function seen(remoteAddress: string, headers: Record<string, string>) {
    const answer = await app.inject({ url: '/', remoteAddress, headers: { host: 'called.example', ...headers } });
    return answer.json<{ ip: string; host: string; headers: Record<string, string> }>();
  }

  const said = {
    'x-forwarded-for': CLIENT,
    'x-forwarded-host': 'registry.example.com:5050',
    'x-forwarded-proto': 'http',
    'x-sendfile-type': 'X-Accel-Redirect',
  };

  test.each([PROXY, `::ffff:${PROXY}`, 'fd00::7'])('is believed of the proxy %s', async (proxy) => {
    expect(await seen(proxy, said)).toMatchObject({ ip: CLIENT, host: 'registry.example.com:5050', headers: said });
  });

  test('is not seen at all of anybody else', async () => {
    const { ip, host, headers } = await seen(CLIENT, { ...said, 'x-forwarded-for': '192.0.2.1' });
    expect({ ip, host }).toEqual({ ip: CLIENT, host: 'called.example' });
    expect(Object.keys(headers).filter((name) => name in said)).toEqual([]);
  });

  test.each([
    ['the last address that is not a proxy', `198.51.100.1, ${CLIENT}, 10.0.0.3`, CLIENT],
    ['not what a client wrote before it', `10.0.0.3, ${CLIENT}`, CLIENT],
    ['an address with its port', `${CLIENT}:51234`, CLIENT],
    ['an IPv6 address', '2001:db8::9', '2001:db8::9'],
    ['an IPv6 address with its port', '[2001:db8::9]:51234', '2001:db8::9'],
    ['the proxy, when nothing is an address', 'unknown', PROXY],
    ['the nearest address, when one behind it is none', `${CLIENT}, "><script>, 10.0.0.3`, '10.0.0.3'],
    ['the proxy, when it names nobody', '', PROXY],
  ])('says who the client is: %s', async (_what, forwarded, client) => {
    expect((await seen(PROXY, { 'x-forwarded-for': forwarded })).ip).toBe(client);
  });
});

describe('the server', () => {
  const directory = temporaryDirectory('forwarded-headers');
  afterAll(() => directory.remove());

  async function started(trustedproxies: readonly string[]) {
    const { auth, tokenendpoint } = authConfig(directory.path, { token: { autoredirect: true } });
    const endpoint = { ...tokenendpoint, expiration: '5m' };
    return (await memoryApp({ auth, tokenendpoint: endpoint, http: { trustedproxies } })).app;
  }

  async function realmFor(app: FastifyInstance, remoteAddress: string) {
    const headers = { host: 'called.example', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'public.example:5050' };
    const { headers: answer } = await app.inject({ url: '/v2/', remoteAddress, headers });
    return /realm="([^"]*)"/.exec(String(answer['www-authenticate']))?.[1];
  }

  test('sends clients to log in where a trusted proxy says that they called, and nobody else can say so', async () => {
    const app = await started([PROXY]);
    expect(await realmFor(app, PROXY)).toBe('http://public.example:5050/jwt/auth');
    expect(await realmFor(app, CLIENT)).toBe('https://called.example/jwt/auth');
    await app.close();
    const alone = await started([]);
    expect(await realmFor(alone, PROXY)).toBe('https://called.example/jwt/auth');
    await alone.close();
  });

  async function guess(app: FastifyInstance, remoteAddress: string, forwarded: string) {
    const authorization = `Basic ${Buffer.from(`somebody-${forwarded}:wrong`).toString('base64')}`;
    const url = '/jwt/auth?service=container_registry';
    const headers = { authorization, 'x-forwarded-for': forwarded };
    return (await app.inject({ url, remoteAddress, headers })).statusCode;
  }

  test('counts failed logins by the address that a trusted proxy names, and no client can name another', async () => {
    const app = await started([PROXY]);
    const addresses = Array.from({ length: 101 }, (_, index) => `198.51.100.${index}`);
    const spread = await Promise.all(addresses.map((address) => guess(app, PROXY, address)));
    expect(new Set(spread)).toEqual(new Set([401]));
    const lying = await Promise.all(addresses.map((address) => guess(app, CLIENT, address)));
    expect(lying.filter((status) => status === 429)).toHaveLength(1);
    await app.close();
  });
});
