import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

const STORAGE = 'version: 0.1\nstorage: {inmemory: {}}\n';

/** The faults of a file, by key. */
function faultsOf(yaml: string, environment: Record<string, string> = {}): Record<string, string> {
  try {
    parseConfig(yaml, 'config.yml', environment);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
  }
  return {};
}

describe('a configuration with faults', () => {
  test('is refused with all of them in one report: types, unknown keys, and keys that contradict each other', () => {
    const faults = faultsOf(`
version: 0.2
storag: {}
storage:
  s3: {bucket: a/b, secretkey: hush, chunksize: 5}
http:
  addr: :5001
  debug: {addr: "localhost:5001"}
  draintimeout: 50
  tls: {certificate: /x}
notifications:
  endpoints:
    - {name: a, url: "https://x.example", timeout: 500}
    - {name: a, url: y}
tokenendpoint: {htpasswd: users}
catalog: {maxentries: many}
`);
    expect(Object.keys(faults).sort()).toEqual(
      [
        'version',
        'storag',
        'storage.s3.bucket',
        'storage.s3.chunksize',
        'storage.s3.accesskey',
        'storage.s3.region',
        'http.debug.addr',
        'http.draintimeout',
        'http.tls.key',
        'notifications.endpoints.0.timeout',
        'notifications.endpoints.1.url',
        'notifications.endpoints.1.name',
        'tokenendpoint',
        'tokenendpoint.htpasswd',
        'tokenendpoint.privatekey',
        'catalog.maxentries',
      ].sort(),
    );
  });

  test('says where, what is wrong, what was received, what is allowed and what to do', () => {
    expect(faultsOf(`${STORAGE}log:\n  level: loud\n`)).toEqual({
      'log.level': 'must be one of error, warn, info, debug (received "loud", line 4)',
    });
    expect(faultsOf(`${STORAGE}http: {addr: 5000}`)['http.addr']).toBe(
      'must be host:port, such as 127.0.0.1:5000, :5000 or [::1]:5000 (received "5000", line 3)',
    );
    expect(faultsOf(STORAGE, { REGISTRY_CATALOG_MAXENTRIES: '0' })['catalog.maxentries']).toBe(
      'must be at least 1 (received 0, REGISTRY_CATALOG_MAXENTRIES)',
    );
    expect(faultsOf('version: 0.1\nstorage: {s3: {bucket: images}}')['storage.s3.region']).toMatch(
      /^is missing; write/,
    );
  });

  test('names the key that was probably meant, or else those that there are', () => {
    expect(faultsOf(`${STORAGE}http: {adr: ":1"}`)['http.adr']).toBe(
      'is not a key of this file; did you mean addr? (line 3)',
    );
    expect(faultsOf(`${STORAGE}catalog: {pagesize: 10}`)['catalog.pagesize']).toMatch(/known here are maxentries/);
  });

  test('never shows a secret, nor the password of a URL', () => {
    const faults = faultsOf(`
version: 0.1
storage:
  s3: {bucket: images, region: r, accesskey: a, secretkey: [swordfish]}
index: {postgresql: {url: "mysql://registry:swordfish@db/registry"}}
http: {host: "https://user:swordfish@example.com"}
notifications: {endpoints: [{name: a, url: "https://x.example", headers: {Authorization: swordfish}}]}
`);
    expect(Object.keys(faults)).toHaveLength(4);
    expect(JSON.stringify(faults)).not.toContain('swordfish');
    expect(faults['index.postgresql.url']).toContain('"mysql://(hidden)@db/registry"');
  });

  test('that is not YAML is refused with line and column', () => {
    expect(faultsOf('version: 0.1\nstorage: {inmemory: {}')['']).toMatch(/^line 2, column \d+: not valid YAML: /);
    expect(faultsOf('- version\n')['']).toMatch(/must be a section of keys/);
  });

  test('with a key twice is refused with line and column, beside its other faults', () => {
    const faults = faultsOf(`${STORAGE}http:\n  addr: :1\n  addr: :2\ncatalog: {maxentries: 0}`);
    expect(faults['']).toBe('line 5, column 3: a key is there twice; remove one of them');
    expect(faults['catalog.maxentries']).toBeDefined();
  });
});

describe('keys that exclude or need each other', () => {
  const TOKEN = 'auth: {token: {realm: "https://r.example/jwt/auth", service: s, issuer: i';

  test.each([
    ['two drivers', 'version: 0.1\nstorage: {inmemory: , filesystem: }', 'storage', /exactly one driver .* are set/],
    ['no driver', 'version: 0.1\nstorage: {delete: {enabled: true}}', 'storage', /exactly one driver .* none is set/],
    ['two logins', `${STORAGE}${TOKEN}, jwks: /j}, htpasswd: {realm: r, path: /p}}`, 'auth', /token and htpasswd/],
    ['silly login', `${STORAGE}auth: silly`, 'auth.silly', /lets everybody in/],
    ['tokens nobody can check', `${STORAGE}${TOKEN}}}`, 'auth.token', /needs rootcertbundle or jwks/],
    [
      'symmetric algorithms',
      `${STORAGE}${TOKEN}, jwks: /j, signingalgorithms: [HS256]}}`,
      'auth.token.signingalgorithms.0',
      /symmetric/,
    ],
    [
      'tokens that would be refused',
      `${STORAGE}${TOKEN}, signingalgorithms: [RS256]}}\ntokenendpoint: {htpasswd: /h, privatekey: /k}`,
      'tokenendpoint.signingalgorithm',
      /would refuse the tokens/,
    ],
    [
      'an endpoint without its registry',
      `${STORAGE}tokenendpoint: {htpasswd: /h, privatekey: /k}`,
      'tokenendpoint',
      /needs auth.token/,
    ],
    [
      'two indexes',
      `${STORAGE}index: {sqlite: {path: /i}, postgresql: {url: "postgresql://h/d"}}`,
      'index',
      /not both/,
    ],
    [
      'the debug port on the public one',
      `${STORAGE}http: {debug: {addr: "127.0.0.1:5000"}}`,
      'http.debug.addr',
      /port 5000 is taken by http.addr/,
    ],
    [
      'signed URLs on the host of the registry',
      'version: 0.1\nstorage: {s3: {bucket: images, region: r, redirectendpoint: "https://registry.example.com:9000"}}\nhttp: {host: "https://registry.example.com"}',
      'storage.s3.redirectendpoint',
      /would send the store their token/,
    ],
    ['a proxy that is no address', `${STORAGE}http: {trustedproxies: [nginx]}`, 'http.trustedproxies.0', /or a single/],
    ['everybody as a proxy', `${STORAGE}http: {trustedproxies: [0.0.0.0/0]}`, 'http.trustedproxies.0', /is everybody/],
    [
      'a netmask',
      `${STORAGE}http: {trustedproxies: [10.0.0.0/255.0.0.0]}`,
      'http.trustedproxies.0',
      /from \/0 to \/32.*netmasks/,
    ],
    [
      'a network with too many bits',
      'version: 0.1\nstorage: {inmemory: , redirect: {exceptions: {networks: [10.0.0.0/33]}}}',
      'storage.redirect.exceptions.networks.0',
      /from \/0 to \/32/,
    ],
    [
      'a network of IPv4 addresses in the form of IPv6',
      'version: 0.1\nstorage: {inmemory: , redirect: {exceptions: {networks: ["::ffff:10.0.0.0/104"]}}}',
      'storage.redirect.exceptions.networks.0',
      /written as an IPv4 network/,
    ],
    [
      'files for a proxy that nobody trusts',
      'version: 0.1\nstorage: {filesystem: }\nhttp: {accelredirect: {}}',
      'http.accelredirect',
      /needs trustedproxies/,
    ],
    [
      'files of a driver without',
      `${STORAGE}http: {trustedproxies: [127.0.0.1], accelredirect: {}}`,
      'http.accelredirect',
      /needs the driver filesystem/,
    ],
    [
      'files below the API',
      'version: 0.1\nstorage: {filesystem: }\nhttp: {trustedproxies: [::1], accelredirect: {prefix: /v2/files/}}',
      'http.accelredirect.prefix',
      /below \/v2\//,
    ],
    [
      'files below no path',
      'version: 0.1\nstorage: {filesystem: }\nhttp: {trustedproxies: [::1], accelredirect: {prefix: files}}',
      'http.accelredirect.prefix',
      /starts and ends with \//,
    ],
    [
      'an ACME client',
      `${STORAGE}http: {tls: {letsencrypt: {email: a@b}}}`,
      'http.tls.letsencrypt',
      /files of an ACME client/,
    ],
    [
      'two certificates',
      `${STORAGE}http: {tls: {certificate: /c, key: /k, selfsigned: {directory: /d, hosts: [h]}}}`,
      'http.tls.selfsigned',
      /cannot stand beside/,
    ],
    [
      'weak client certificates',
      `${STORAGE}http: {tls: {certificate: /c, key: /k, clientauth: request-client-cert}}`,
      'http.tls.clientauth',
      /weaker modes/,
    ],
    [
      'old TLS',
      `${STORAGE}http: {tls: {certificate: /c, key: /k, minimumtls: tls1.0}}`,
      'http.tls.minimumtls',
      /older versions are not served/,
    ],
    [
      'a KMS key without encryption',
      'version: 0.1\nstorage: {s3: {bucket: images, region: r, keyid: k}}',
      'storage.s3.keyid',
      /encrypt: true/,
    ],
    [
      'S3 without certificate checks',
      'version: 0.1\nstorage: {s3: {bucket: images, region: r, skipverify: true}}',
      'storage.s3.skipverify',
      /NODE_EXTRA_CA_CERTS/,
    ],
    [
      'AWS over plain HTTP',
      'version: 0.1\nstorage: {s3: {bucket: images, region: r, secure: false}}',
      'storage.s3.secure',
      /over TLS only/,
    ],
    ["GitLab's database", `${STORAGE}database: {enabled: true}`, 'database.enabled', /would be missing/],
    ['a pull-through cache', `${STORAGE}proxy: {remoteurl: "https://x"}`, 'proxy', /no pull-through cache/],
  ])('%s', (_what, yaml, key, message) => {
    expect(faultsOf(yaml)).toEqual({ [key]: expect.stringMatching(message) });
  });

  test('a free debug port collides with nothing', () => {
    expect(faultsOf(`${STORAGE}http: {addr: "127.0.0.1:0", debug: {addr: "127.0.0.1:0"}}`)).toEqual({});
  });
});
