import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { redact } from '../../../registry-image/src/config/secrets.ts';
import { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

const KEYSTONE = 'authurl: "https://keystone.example.com:5000/v3"';
const USER = 'username: u, password: p';

/** @param options of the driver beside its container */
function parse(options: string, environment: Record<string, string> = {}) {
  const container = options.includes('container:') ? '' : 'container: images, ';
  return parseConfig(`version: 0.1\nstorage: {swift: {${container}${options}}}`, 'config.yml', environment);
}

function swift(options: string, environment?: Record<string, string>) {
  return parse(options, environment).config.storage.swift;
}

function faultsOf(options: string): Record<string, string> {
  try {
    parse(options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.faults.map(({ path, message }) => [path.replace('storage.swift.', ''), message]));
  }
  return {};
}

describe('the options of the swift driver', () => {
  test('that are left out have the defaults of the documentation', () => {
    expect(swift(`${KEYSTONE}, ${USER}`)).toMatchObject({
      authversion: 3,
      endpointtype: 'public',
      insecureskipverify: false,
      prefix: '',
      chunksize: 10_485_760,
    });
  });

  test.each([
    ['https://keystone.example.com:5000/v3', 3],
    ['https://storage.myprovider.com/v3/auth', 3],
    ['https://storage.myprovider.com/v2.0', 2],
    ['https://swift.example.com/auth/v1.0', 1],
    ['https://ceph.example.com/auth/v1', 1],
  ])('know the version of %s', (authurl, version) => {
    expect(swift(`authurl: "${authurl}", ${USER}`)?.authversion).toBe(version);
  });

  test('take the version that is written before the one in the URL', () => {
    expect(swift(`authurl: "https://example.com/v2.0", authversion: 3, ${USER}`)?.authversion).toBe(3);
  });

  test('of an existing file are all taken, also in quotes', () => {
    const options = swift(
      `${KEYSTONE}, ${USER}, region: R, tenant: t, tenantid: ti, domain: d, domainid: di, tenantdomain: td, tenantdomainid: tdi, trustid: tr, insecureskipverify: "true", chunksize: "5242880", prefix: pre, secretkey: s, accesskey: a, authversion: "3", endpointtype: internal, tempurlcontainerkey: "false", tempurlmethods: [GET, PUT]`,
    );
    expect(options).toMatchObject({
      authversion: 3,
      chunksize: 5_242_880,
      insecureskipverify: true,
      tempurlcontainerkey: false,
      tempurlmethods: ['GET', 'PUT'],
    });
  });

  test('come from the environment', () => {
    const environment = { REGISTRY_STORAGE_SWIFT_PASSWORD: 'from-outside', REGISTRY_STORAGE_SWIFT_TENANT: 'project' };
    expect(swift(`${KEYSTONE}, username: u`, environment)).toMatchObject({
      password: 'from-outside',
      tenant: 'project',
    });
  });

  test.each<[string, string, RegExp]>([
    [`${KEYSTONE}, username: u`, 'password', /username and password, or applicationcredentialid/],
    [`${KEYSTONE}, applicationcredentialid: i`, 'applicationcredentialsecret', /go together/],
    [`authurl: "https://example.com/identity", ${USER}`, 'authversion', /write 1, 2 or 3/],
    [`authurl: "https://example.com/v2.0", ${USER}, trustid: t`, 'trustid', /version 3 .* this is version 2/],
    [`authurl: "https://example.com/v1.0", ${USER}, endpointtype: internal`, 'endpointtype', /must be public/],
    [`authurl: "https://u:p@example.com/v3", ${USER}`, 'authurl', /must not carry a user name or password/],
    [`${KEYSTONE}, ${USER}, chunksize: 1000`, 'chunksize', /at least 1048576 \(1 MiB\)/],
    [`${KEYSTONE}, ${USER}, prefix: a/../b`, 'prefix', /must not have/],
    [`${KEYSTONE}, ${USER}, container: a/b`, 'container', /without "\/"/],
    [`${KEYSTONE}, ${USER}, redirectendpoint: "https://example.com/v1"`, 'redirectendpoint', /a scheme and a host/],
    [`${KEYSTONE}, ${USER}, tempurlmethods: [LIST]`, 'tempurlmethods.0', /./],
  ])('%s are refused, with what to do', (options, path, message) => {
    expect(faultsOf(options)).toEqual({ [path]: expect.stringMatching(message) });
  });

  test('warn of certificates that are not verified', () => {
    expect(parse(`${KEYSTONE}, ${USER}, insecureskipverify: true`).warnings).toContainEqual(
      expect.stringContaining('storage.swift.insecureskipverify is true'),
    );
    expect(parse(`${KEYSTONE}, ${USER}`).warnings).not.toContainEqual(expect.stringContaining('insecureskipverify'));
  });

  test('that are secret are never printed, and the others are', () => {
    const options = { password: 's1', secretkey: 's2', applicationcredentialsecret: 's3', username: 'u', region: 'r' };
    expect(redact({ storage: { swift: options } })).toEqual({
      storage: {
        swift: {
          password: '(hidden)',
          secretkey: '(hidden)',
          applicationcredentialsecret: '(hidden)',
          username: 'u',
          region: 'r',
        },
      },
    });
  });
});
