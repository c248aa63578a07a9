import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

/** @param options of the driver beside its account and container */
function parse(options: string, environment: Record<string, string> = {}) {
  const driver = options.startsWith('azure') ? options : `azure: {accountname: account, container: images, ${options}}`;
  return parseConfig(`version: 0.1\nstorage: {${driver}}`, 'config.yml', environment);
}

function azure(options: string, environment?: Record<string, string>) {
  return parse(options, environment).config.storage.azure;
}

function faultsOf(options: string): Record<string, string> {
  try {
    parse(options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
  }
  return {};
}

describe('the options of the azure driver', () => {
  test('that are left out are those of distribution, with the identity of the machine', () => {
    expect(azure('')).toMatchObject({
      credentials: { type: 'default_credentials' },
      realm: 'core.windows.net',
      serviceurl: 'https://account.blob.core.windows.net',
      rootdirectory: '',
      legacyrootprefix: false,
      max_retries: 5,
      retry_delay: 100,
    });
  });

  test.each([
    ['accountkey: a2V5', 'shared_key'],
    ['credentials: {clientid: c, tenantid: t, secret: s}', 'client_secret'],
    ['credentials: {clientid: c}', 'default_credentials'],
    ['credentials: {type: shared_key}, accountkey: a2V5', 'shared_key'],
  ])('%s choose the credentials', (options, type) => {
    expect(azure(options)?.credentials.type).toBe(type);
  });

  test('of the registry of GitLab are taken as they are', () => {
    const { config, warnings } = parse(
      'azure_v2: {credentials_type: client_secret, tenant_id: t, client_id: c, secret: s, accountname: account, container: images, max_retries: "3", retry_delay: 4s, max_retry_delay: 60s, retry_try_timeout: 10s, api_pool_initial_interval: 100ms, debug_log: true}',
    );
    expect(config.storage.azure).toMatchObject({
      credentials: { type: 'client_secret', tenantid: 't', clientid: 'c', secret: 's' },
      max_retries: 3,
      retry_delay: 4000,
      max_retry_delay: 60_000,
    });
    expect(warnings.map((warning) => warning.split(' ', 1)[0])).toEqual([
      'storage.azure.retry_try_timeout',
      'storage.azure.apipoolinitialinterval',
      'storage.azure.debuglog',
      'auth',
    ]);
  });

  test('come from the environment, also those with "_" in their names', () => {
    const environment = {
      REGISTRY_STORAGE_AZURE_ACCOUNTKEY: 'a2V5',
      REGISTRY_STORAGE_AZURE_MAX_RETRIES: '-1',
      REGISTRY_STORAGE_AZURE_CREDENTIALS_TYPE: 'shared_key',
    };
    expect(azure('', environment)).toMatchObject({
      accountkey: 'a2V5',
      max_retries: -1,
      credentials: { type: 'shared_key' },
    });
  });

  test.each([
    ['legacyrootprefix: true', true],
    ['trimlegacyrootprefix: false', true],
    ['trimlegacyrootprefix: "true"', false],
    ['legacyrootprefix: true, trimlegacyrootprefix: false', true],
  ])('%s decide whether names begin with a slash', (options, expected) => {
    expect(azure(options)?.legacyrootprefix).toBe(expected);
  });

  test.each([
    ['accountkey', 'credentials: {type: shared_key}', /is missing: credentials of type shared_key need accountkey/],
    ['accountkey', 'accountkey: a2V5, credentials: {type: default_credentials}', /not used by credentials of type/],
    ['accountkey', 'accountkey: "no base64"', /must be a key of the storage account/],
    ['credentials.tenantid', 'credentials: {type: client_secret, clientid: c, secret: s}', /is missing/],
    ['credentials.secret', 'accountkey: a2V5, credentials: {secret: s}', /not used by credentials of type shared_key/],
    ['serviceurl', 'serviceurl: "http://store:10000/account"', /must be https:\/\/ without an accountkey/],
    ['redirectendpoint', 'redirectendpoint: "https://cdn.example/images"', /scheme/],
    ['trimlegacyrootprefix', 'trimlegacyrootprefix: true, legacyrootprefix: true', /says the opposite/],
    ['chunksize', 'chunksize: 1048576', /at least 5242880/],
    ['chunksize', 'chunksize: 209715200', /at most 104857600/],
    ['max_retries', 'max_retries: -2', /must be -1 \(never\)/],
    ['retry_delay', 'retry_delay: 100', /bare number/],
    ['realm', 'realm: "https://core.windows.net"', /must be a domain/],
    ['skipverify', 'skipverify: true', /NODE_EXTRA_CA_CERTS/],
  ])('%s of { %s } is refused', (key, options, message) => {
    expect(faultsOf(options)).toEqual({ [`storage.azure.${key}`]: expect.stringMatching(message) });
  });

  test.each([
    ['azure: {accountname: Account_1, container: images}', 'accountname'],
    ['azure: {accountname: account, container: Images--1}', 'container'],
    ['azure: {container: images}', 'accountname'],
  ])('refuses the names of %s', (driver, key) => {
    expect(Object.keys(faultsOf(driver))).toEqual([`storage.azure.${key}`]);
  });

  test('keep their secrets to themselves when they are at fault', () => {
    const text = JSON.stringify(faultsOf('accountkey: "a secret, but no base64"'));
    expect(text).not.toContain('a secret');
  });
});
