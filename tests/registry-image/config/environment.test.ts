import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';

const FILE = `
version: 0.1
log:
  fields: {service: registry}
storage:
  filesystem: {rootdirectory: /data}
  delete: {enabled: true}
auth: none
http:
  addr: :5000
  headers: {X-Content-Type-Options: [nosniff]}
  tls: {certificate: /c, key: /k, clientcas: [/a, /b]}
`;

function load(environment: Record<string, string>, file = FILE) {
  return parseConfig(file, 'config.yml', environment);
}

describe('REGISTRY_ variables', () => {
  test('override single keys of the file', () => {
    const { config } = load({
      REGISTRY_HTTP_ADDR: '127.0.0.1:5001',
      REGISTRY_STORAGE_DELETE_ENABLED: 'false',
      REGISTRY_HTTP_DRAINTIMEOUT: '5s',
    });
    expect(config.http.addr).toEqual({ host: '127.0.0.1', port: 5001 });
    expect(config.storage.delete.enabled).toBe(false);
    expect(config.http.draintimeout).toBe(5000);
  });

  test('replace a whole section, before what is in it: another driver, another login', () => {
    const { config } = load({
      REGISTRY_STORAGE: 's3',
      REGISTRY_STORAGE_S3_BUCKET: 'images',
      REGISTRY_STORAGE_S3_REGION: 'eu-west-1',
      REGISTRY_STORAGE_S3_PATH_STYLE: 'true',
      REGISTRY_AUTH: 'htpasswd',
      REGISTRY_AUTH_HTPASSWD_REALM: 'Registry',
      REGISTRY_AUTH_HTPASSWD_PATH: '/auth/htpasswd',
    });
    expect(config.storage.filesystem).toBeUndefined();
    expect(config.storage.delete.enabled).toBe(false);
    expect(config.storage.s3).toMatchObject({ bucket: 'images', forcepathstyle: true });
    expect(config.auth).toEqual({ htpasswd: { realm: 'Registry', path: '/auth/htpasswd' } });
  });

  test('address items of lists by number, also more than ten', () => {
    const receivers = Array.from({ length: 12 }, (_, index) => index);
    const { config } = load({
      REGISTRY_HTTP_TLS_CLIENTCAS_1: '/c',
      ...Object.fromEntries(
        receivers.flatMap((index) => [
          [`REGISTRY_NOTIFICATIONS_ENDPOINTS_${index}_NAME`, `receiver-${index}`],
          [`REGISTRY_NOTIFICATIONS_ENDPOINTS_${index}_URL`, `https://hooks.example.com/${index}`],
        ]),
      ),
    });
    expect(config.http.tls?.clientcas).toEqual(['/a', '/c']);
    expect(config.notifications.endpoints.map(({ name }) => name)).toEqual(
      receivers.map((index) => `receiver-${index}`),
    );
  });

  test('leave no gaps in lists', () => {
    expect(() => load({ REGISTRY_HTTP_TLS_CLIENTCAS_7: '/c' })).toThrow(
      'http.tls.clientcas.7: REGISTRY_HTTP_TLS_CLIENTCAS_7 leaves a gap in the list; number its items from 0, one by one',
    );
  });

  test('set names that the operator has chosen, with their underscores', () => {
    const { config } = load({
      REGISTRY_LOG_FIELDS_SERVICE: 'images',
      REGISTRY_LOG_FIELDS_DATA_CENTRE: 'vienna',
      'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin': "['*']",
      REGISTRY_HTTP_HEADERS_X_FRAME_0: 'deny',
    });
    expect(config.log.fields).toEqual({ service: 'images', data_centre: 'vienna' });
    expect(config.http.headers).toEqual({
      'X-Content-Type-Options': ['nosniff'],
      'Access-Control-Allow-Origin': ['*'],
      x_frame: ['deny'],
    });
  });

  test('reach keys that contain an underscore', () => {
    const { config } = load({ REGISTRY_RATE_LIMITER_ENABLED: 'true' });
    expect(config.rate_limiter).toEqual({ enabled: true });
  });

  test('hold text as it stands, whatever YAML would make of it', () => {
    const password = 'a: {b # "c';
    const environment = {
      REGISTRY_STORAGE: 's3',
      REGISTRY_STORAGE_S3_BUCKET: 'images',
      REGISTRY_STORAGE_S3_REGION: 'no',
    };
    const { config } = load({
      ...environment,
      REGISTRY_STORAGE_S3_ACCESSKEY: '0123',
      REGISTRY_STORAGE_S3_SECRETKEY: password,
      REGISTRY_STORAGE_S3_ROOTDIRECTORY: '"/quoted"',
    });
    expect(config.storage.s3).toMatchObject({
      region: 'no',
      accesskey: '0123',
      secretkey: password,
      rootdirectory: '/quoted',
    });
  });

  test('leave a key out when they are empty', () => {
    const { config } = load({ REGISTRY_HTTP_TLS: '', REGISTRY_LOG_LEVEL: '' });
    expect(config.http.tls).toBeUndefined();
    expect(config.log.level).toBe('info');
  });

  test('that name no key are ignored with a warning, which names the nearest that does', () => {
    const { warnings } = load({
      REGISTRY_HTTP_ADR: ':1',
      REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URI: 'https://x.example',
      REGISTRY_PORT: 'tcp://10.0.0.1:5000',
    });
    expect(warnings).toEqual([
      'REGISTRY_HTTP_ADR names no key of the configuration and is ignored; the nearest one that does is REGISTRY_HTTP_ADDR',
      'REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URI names no key of the configuration and is ignored; the nearest one that does is REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL',
      'REGISTRY_PORT names no key of the configuration and is ignored',
    ]);
  });

  test('of other programs are left alone', () => {
    expect(
      load({ REGISTRY_AUTH_FILE: '/auth.json', REGISTRY_CONFIGURATION_PATH: '/c.yml', PATH: '/bin' }).warnings,
    ).toEqual([]);
  });

  test('are the whole configuration of an empty file', () => {
    const { config } = load({ REGISTRY_VERSION: '0.1', REGISTRY_STORAGE: 'inmemory', REGISTRY_LOGLEVEL: 'debug' }, '');
    expect(config.storage.inmemory).toEqual({});
    expect(config.log.level).toBe('debug');
  });
});
