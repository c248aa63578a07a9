import { describe, expect, test } from '@jest/globals';
import { TerraformStack, TerraformVariable, Testing } from 'cdktf';
import { parse } from 'yaml';
import type { BucketStorage, RegistrySettings } from '../../../constructs/shared/registry-settings.ts';
import { checkedConfig, renderConfig, toYaml } from '../../../constructs/shared/render-config.ts';
import { parseConfig } from '../../../registry-image/src/config/load.ts';

const MINIMAL: RegistrySettings = {
  endpoint: { mode: 'own-domain', domain: 'registry.example.com' },
  storage: { kind: 'volume' },
};
const BUCKET: BucketStorage = { kind: 'bucket', bucketName: 'images', region: 'eu-central-1' };

/** What the server works with, given the settings: written as YAML, read by the server's own parser. */
function serverConfig(settings: Partial<RegistrySettings>) {
  return parseConfig(toYaml(renderConfig({ ...MINIMAL, ...settings })), 'config.yml', {}).config;
}

/** The message that synthesis ends with. */
function fault(settings: Partial<RegistrySettings>): string {
  const stack = new TerraformStack(Testing.app(), 'stack');
  try {
    checkedConfig(stack, { ...MINIMAL, ...settings });
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
}

describe('every option reaches the server', () => {
  test('own domain: clients use port 443 of the domain', () => {
    const config = serverConfig({});
    expect(config.http).toMatchObject({ host: 'https://registry.example.com', addr: { host: '', port: 5000 } });
  });

  test('port mode: clients use the port of the name, the server listens on its own', () => {
    const endpoint = { mode: 'port', host: 'gitlab.example.com', port: 5050 } as const;
    const config = serverConfig({ endpoint, internalPort: 5001, listenHost: '127.0.0.1' });
    expect(config.http).toMatchObject({
      host: 'https://gitlab.example.com:5050',
      addr: { host: '127.0.0.1', port: 5001 },
    });
    expect(config.auth.token?.realm).toBe('https://gitlab.example.com:5050/jwt/auth');
  });

  test('an IPv6 address stands in brackets', () => {
    const config = serverConfig({ endpoint: { mode: 'port', host: '2001:db8::1', port: 5050 }, listenHost: '::1' });
    expect(config.http).toMatchObject({ host: 'https://[2001:db8::1]:5050', addr: { host: '::1', port: 5000 } });
  });

  test('the endpoint that signs and the registry that verifies are told the same names', () => {
    const { auth, tokenendpoint } = serverConfig({});
    expect(auth.token).toMatchObject({
      realm: 'https://registry.example.com/jwt/auth',
      service: 'container_registry',
      issuer: 'container_registry_issuer',
    });
    expect(tokenendpoint).toMatchObject({ signingalgorithm: 'ES256', keyid: 'rfc7638', expiration: 300_000 });
  });

  test('the first user has a name and a password file in the data directory', () => {
    expect(serverConfig({ initialUser: 'root' }).tokenendpoint).toMatchObject({
      htpasswd: '/var/lib/registry/auth/htpasswd',
      initialuser: { name: 'root', passwordfile: '/var/lib/registry/auth/initial-password' },
    });
    expect(serverConfig({}).tokenendpoint?.initialuser?.name).toBe('admin');
  });

  test('tokens', () => {
    const tokens = { expiration: '15m', signingAlgorithm: 'RS256', keyId: 'libtrust' } as const;
    expect(serverConfig({ tokens }).tokenendpoint).toMatchObject({
      expiration: 900_000,
      signingalgorithm: 'RS256',
      keyid: 'libtrust',
    });
  });

  test('volume storage and everything else that is kept lie in the data directory', () => {
    const config = serverConfig({ dataDirectory: '/srv/registry' });
    expect(config.storage.filesystem?.rootdirectory).toBe('/srv/registry/storage');
    expect(config.index.sqlite?.path).toBe('/srv/registry/index/registry.sqlite');
    expect(config.tokenendpoint?.privatekey).toBe('/srv/registry/auth/signing-key.pem');
    expect(config.http.tls?.selfsigned?.directory).toBe('/srv/registry/tls');
  });

  test('bucket storage, without keys: the machine has an identity', () => {
    const storage = {
      ...BUCKET,
      prefix: 'team/registry',
      regionEndpoint: 'https://s3.example.com',
      forcePathStyle: true,
      partSizeMiB: 32,
    };
    expect(serverConfig({ storage }).storage.s3).toMatchObject({
      bucket: 'images',
      region: 'eu-central-1',
      rootdirectory: 'team/registry',
      regionendpoint: 'https://s3.example.com',
      forcepathstyle: true,
      chunksize: 32 * 1024 * 1024,
    });
    expect(serverConfig({ storage: BUCKET }).storage.s3).not.toHaveProperty('accesskey');
  });

  test('redirect, and proxy instead', () => {
    const storage = BUCKET;
    expect(serverConfig({ storage }).storage.redirect).toMatchObject({ disable: false, expirydelay: 1_200_000 });
    expect(serverConfig({ storage, redirect: { mode: 'redirect', expiry: '5m' } }).storage.redirect).toMatchObject({
      disable: false,
      expirydelay: 300_000,
    });
    expect(serverConfig({ storage, redirect: { mode: 'proxy' } }).storage.redirect.disable).toBe(true);
  });

  test('the URL that clients reach the bucket by, which is not on the host of the registry', () => {
    const storage = { ...BUCKET, regionEndpoint: 'https://s3.internal.example.com' };
    const at = (publicEndpoint: string) => ({ storage, redirect: { publicEndpoint } });
    expect(serverConfig(at('https://images.example.com')).storage.s3).toMatchObject({
      regionendpoint: 'https://s3.internal.example.com',
      redirectendpoint: 'https://images.example.com',
    });
    expect(fault(at('https://images.registry.example.com'))).toMatch(
      /redirect\.publicEndpoint.* on the host of http\.host or below it/,
    );
  });

  test('networks and clients that are not redirected', () => {
    const redirect = { exceptCidrs: ['10.0.0.0/8', 'fd00::/8'], exceptUserAgents: ['containerd/*'] };
    expect(serverConfig({ storage: BUCKET, redirect }).storage.redirect.exceptions).toEqual({
      networks: ['10.0.0.0/8', 'fd00::/8'],
      useragents: ['containerd/*'],
    });
    expect(serverConfig({ storage: BUCKET, redirect: {} }).storage.redirect.exceptions.networks).toEqual([]);
    expect(fault({ storage: BUCKET, redirect: { exceptCidrs: ['10.0.0.0/8', 'office'] } })).toMatch(
      /redirect\.exceptCidrs\.1.* must be a network/,
    );
    const known = new TerraformVariable(new TerraformStack(Testing.app(), 'network'), 'cidr', {});
    expect(fault({ storage: BUCKET, redirect: { exceptCidrs: [known.stringValue] } })).toBe('no fault');
  });

  test('deletes, on unless switched off', () => {
    expect(serverConfig({}).storage.delete.enabled).toBe(true);
    expect(serverConfig({ deletes: false }).storage.delete.enabled).toBe(false);
  });

  test('read-only, and upload purging', () => {
    const uploadPurging = { enabled: true, age: '48h', interval: '1h' } as const;
    expect(serverConfig({ readOnly: true, uploadPurging }).storage.maintenance).toMatchObject({
      readonly: { enabled: true },
      uploadpurging: { enabled: true, age: 172_800_000, interval: 3_600_000 },
    });
  });

  test('garbage collection', () => {
    const garbageCollection = { schedule: '5 4 * * 0', timeZone: 'Europe/Vienna', deleteUntagged: true, dryRun: true };
    expect(serverConfig({ garbageCollection }).garbagecollection).toEqual({
      schedule: '5 4 * * 0',
      timezone: 'Europe/Vienna',
      deleteuntagged: true,
      dryrun: true,
    });
    expect(serverConfig({}).garbagecollection).toBeUndefined();
  });

  test('notifications, with their units', () => {
    const { endpoints } = serverConfig({
      notifications: [
        {
          name: 'ci',
          url: 'https://ci.example.com/events',
          disabled: true,
          headers: { 'X-Source': ['registry'] },
          timeout: '750ms',
          threshold: 3,
          backoff: '2s',
          ignoredMediaTypes: ['application/octet-stream'],
          ignoredActions: ['pull'],
        },
      ],
    }).notifications;
    expect(endpoints).toMatchObject([
      {
        name: 'ci',
        url: 'https://ci.example.com/events',
        disabled: true,
        headers: { 'X-Source': ['registry'] },
        timeout: 750,
        threshold: 3,
        backoff: 2000,
        ignoredmediatypes: ['application/octet-stream'],
        ignore: { actions: ['pull'] },
      },
    ]);
  });

  test('grants', () => {
    const access = [{ users: ['ci'], repositories: ['team/**'], actions: ['pull', 'push'], catalog: true }] as const;
    expect(serverConfig({ access }).tokenendpoint?.access).toEqual(access);
  });

  test('names that YAML takes for something else', () => {
    const users = ['yes', 'no', 'null', '1e3', '012', '12:30'];
    expect(serverConfig({ access: [{ users, repositories: ['**'] }] }).tokenendpoint?.access[0]?.users).toEqual(users);
  });

  test('anonymous pull leaves to those who have logged in what they had', () => {
    expect(serverConfig({ anonymousPull: ['public/**'] }).tokenendpoint?.access).toEqual([
      ...(serverConfig({}).tokenendpoint?.access ?? []),
      { users: ['anonymous'], repositories: ['public/**'], actions: ['pull'], catalog: false },
    ]);
  });

  test('a certificate that the server makes covers the host and the extra hosts', () => {
    const tls = { mode: 'generated', extraHosts: ['127.0.0.1'] } as const;
    expect(serverConfig({ tls }).http.tls?.selfsigned?.hosts).toEqual(['registry.example.com', '127.0.0.1']);
  });

  test('a certificate from files, and the oldest TLS version', () => {
    const tls = { mode: 'files', certificateFile: '/etc/tls.crt', keyFile: '/etc/tls.key' } as const;
    expect(serverConfig({ tls, minimumTls: 'tls1.3' }).http.tls).toMatchObject({
      certificate: '/etc/tls.crt',
      key: '/etc/tls.key',
      minimumtls: 'tls1.3',
    });
  });

  test('how many processes answer, one for each core unless it is said', () => {
    expect(serverConfig({}).http.processes).toBe('auto');
    expect(serverConfig({ processes: 3 }).http.processes).toBe(3);
    expect(fault({ processes: 0 })).toMatch(/processes = 0: must be at least 1/);
  });

  test('proxies that are trusted, none unless they are named', () => {
    expect(serverConfig({}).http.trustedproxies).toEqual([]);
    expect(serverConfig({ trustedProxies: ['10.0.3.0/24'] }).http.trustedproxies).toEqual(['10.0.3.0/24']);
    expect(fault({ trustedProxies: ['0.0.0.0/0'] })).toMatch(/trustedProxies\.0.* is everybody/);
  });

  test('relative URLs, drain timeout, log level and access log', () => {
    const config = serverConfig({ relativeUrls: true, drainTimeout: '2m', logLevel: 'debug', accessLog: false });
    expect(config.http).toMatchObject({ relativeurls: true, draintimeout: 120_000 });
    expect(config.log).toMatchObject({ level: 'debug', accesslog: { disabled: true } });
  });

  test('what is not set is not written, so that the defaults are the server’s own', () => {
    const written = parse(toYaml(renderConfig(MINIMAL)));
    expect(Object.keys(written)).toEqual(['version', 'storage', 'index', 'auth', 'tokenendpoint', 'http']);
  });

  test('localhost is never written', () => {
    expect(toYaml(renderConfig({ ...MINIMAL, storage: BUCKET }))).not.toContain('localhost');
  });
});

describe('wrong settings fail at synthesis', () => {
  test('with the path of the construct, the value, what is allowed and what to do', () => {
    expect(fault({ garbageCollection: { schedule: '0 5 4 * * 0' } })).toBe(
      'stack has a fault in its props:\n' +
        '  garbageCollection.schedule = "0 5 4 * * 0": has 6 fields; a schedule has five: minute hour day-of-month month day-of-week, such as "5 4 * * 0"',
    );
  });

  test('all of them in one report', () => {
    const endpoint = { mode: 'port', host: 'https://gitlab.example.com', port: 70_000 } as const;
    const message = fault({ endpoint, logLevel: 'loud' as 'info', drainTimeout: '2h' });
    expect(message).toMatch(/^stack has 4 faults in its props:\n/);
    for (const prop of ['endpoint.host', 'endpoint.port', 'logLevel', 'drainTimeout'])
      expect(message).toContain(`  ${prop} = `);
  });

  test.each([
    ['localhost as host', { endpoint: { mode: 'port', host: 'localhost', port: 5050 } }, 'endpoint.host = "localhost"'],
    ['localhost as address to listen on', { listenHost: 'localhost' }, 'listenHost = "localhost"'],
    [
      'a domain with a port',
      { endpoint: { mode: 'own-domain', domain: 'a.example.com:443' } },
      'endpoint.domain = "a.example.com:443"',
    ],
    [
      'a bucket name with a slash',
      { storage: { ...BUCKET, bucketName: 'images/team' } },
      'storage.bucketName = "images/team"',
    ],
    [
      'parts that are too small',
      { storage: { ...BUCKET, partSizeMiB: 1 } },
      'storage.partSizeMiB = 1: must be at least',
    ],
    ['a relative data directory', { dataDirectory: 'data' }, 'dataDirectory = "data"'],
    [
      'an unknown time zone',
      { garbageCollection: { schedule: '5 4 * * 0', timeZone: 'Mars' } },
      'garbageCollection.timeZone = "Mars"',
    ],
    ['tokens of half a minute', { tokens: { expiration: '30s' } }, 'tokens.expiration = "30s": must be at least 60s'],
    ['a bad user name', { initialUser: 'a b' }, 'initialUser = "a b"'],
    [
      'anonymous in a grant',
      { access: [{ users: ['anonymous'], repositories: ['**'] }] },
      'list the repositories that anyone may pull in anonymousPull',
    ],
    ['a pattern that is no repository', { anonymousPull: ['Public/**'] }, 'must be a repository name'],
  ] as [string, Partial<RegistrySettings>, string][])('%s', (_, settings, expected) => {
    expect(fault(settings)).toContain(expected);
  });

  test('a bare number as a duration, which distribution takes for nanoseconds', () => {
    const notification = { name: 'ci', url: 'https://ci.example.com', timeout: 500 as unknown as '500ms' };
    expect(fault({ notifications: [notification] })).toContain(
      'notifications.0.timeout = 500: is a bare number; write its unit, such as 500ms',
    );
  });

  test('a header that carries a secret, whose value is not shown', () => {
    const headers = { Authorization: ['Bearer s3cret'] };
    const message = fault({ notifications: [{ name: 'ci', url: 'https://ci.example.com', headers }] });
    expect(message).toContain('notifications.0.headers.Authorization');
    expect(message).not.toContain('s3cret');
  });

  test('an extra host with a scheme', () => {
    const tls = { mode: 'generated', extraHosts: ['127.0.0.1', 'https://a.example.com'] } as const;
    expect(fault({ tls })).toContain('tls.extraHosts.1 = "https://a.example.com": must be a host name or address');
  });

  test('values that only Terraform will know are not faults', () => {
    const stack = new TerraformStack(Testing.app(), 'stack');
    const bucketName = `\${TfToken[TOKEN.0]}`;
    expect(() => checkedConfig(stack, { ...MINIMAL, storage: { ...BUCKET, bucketName } })).not.toThrow();
  });
});
