import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import type { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

function load(fixture: string) {
  return parseConfig(readFileSync(path.join(import.meta.dirname, 'fixtures', fixture), 'utf8'), fixture, {});
}

function keysWarnedOf(warnings: readonly string[]) {
  return warnings.map((warning) => warning.split(' ', 1)[0]);
}

describe('the file of an existing registry starts this server unchanged', () => {
  test("Debian's docker-registry, without a warning", () => {
    const { config, warnings } = load('debian-docker-registry.yml');
    expect(warnings).toEqual([]);
    expect(config.storage.filesystem).toEqual({ rootdirectory: '/var/lib/docker-registry' });
    expect(config.auth.htpasswd).toEqual({ realm: 'basic-realm', path: '/etc/docker/registry' });
    expect(config.http.addr).toEqual({ host: '', port: 5000 });
  });

  test('distribution 3, with cipher suites in one text', () => {
    const { config, warnings } = load('distribution-development.yml');
    expect(config.http.tls?.ciphersuites).toEqual([
      'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    ]);
    expect(keysWarnedOf(warnings)).toEqual(['storage.tag.concurrencylimit', 'http.debug', 'auth']);
  });

  test('distribution 2, with older names, capitals, quotes, and sections without content', () => {
    const { config, warnings } = load('distribution-2.yml');
    expect(config.log.level).toBe('debug');
    expect(config.storage.s3).toMatchObject({
      accesskey: '0123456',
      secretkey: '6543210',
      regionendpoint: 'http://minio.internal:9000',
      forcepathstyle: true,
      encrypt: false,
      chunksize: 33_554_432,
      storageclass: 'STANDARD',
    });
    expect(config.storage.cache.blobdescriptor).toBe('redis');
    expect(config.http.headers).toEqual({ 'X-Content-Type-Options': ['nosniff'] });
    expect(config.validation.manifests.indexes.platforms).toBe('list');
    expect(keysWarnedOf(warnings)).toEqual([
      'storage.cache.blobdescriptor',
      'http.secret',
      'http.http2',
      'notifications.endpoints',
      'notifications.events',
      'health.file',
      'health.tcp',
      'validation.manifests.urls',
      'compatibility.schema1.enabled',
      'redis',
      'auth',
    ]);
  });

  test('a driver and a login given in one word', () => {
    const { config, warnings } = load('distribution-storage-in-one-word.yml');
    expect(config.storage.inmemory).toEqual({});
    expect(config.auth).toEqual({ none: {} });
    expect(warnings).toEqual([]);
  });

  test("the registry of GitLab's Linux package", () => {
    const { config, warnings } = load('gitlab-omnibus.yml');
    expect(config.auth.token).toMatchObject({
      realm: 'https://gitlab.example.com/jwt/auth',
      service: 'container_registry',
      issuer: 'omnibus-gitlab-issuer',
      autoredirect: false,
    });
    expect(keysWarnedOf(warnings)).toEqual(['log.formatter', 'http.secret', 'validation.disabled']);
  });

  test("the registry of GitLab's chart, with the options of GitLab's own drivers", () => {
    const { config, warnings } = load('gitlab-chart.yml');
    expect(config.storage.s3).toMatchObject({
      bucket: 'gitlab-registry-storage',
      region: 'eu-west-1',
      forcepathstyle: false,
    });
    expect(config.http.draintimeout).toBe(0);
    expect(keysWarnedOf(warnings)).toContain('database');
  });
});

test('durations without a unit are refused, because distribution would read them as nanoseconds', () => {
  const faults = (() => {
    try {
      load('gitlab-notifications.yml');
      return [];
    } catch (error) {
      return (error as ConfigurationError).faults;
    }
  })();
  expect(faults.map(({ path: key }) => key)).toEqual([
    'notifications.endpoints.0.timeout',
    'notifications.endpoints.0.backoff',
  ]);
  expect(faults[0]?.message).toMatch(/bare number; write its unit, such as 500ms or 500s .*received 500, line 9/);
});
