import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { printConfig } from '../../../registry-image/src/config/print.ts';

function print(yaml: string, redacted: boolean) {
  const { config, value } = parseConfig(yaml, 'config.yml', {});
  return printConfig(config, value, { redacted });
}

const SECRETS = `
version: 0.1
storage:
  s3: {bucket: images, region: eu-west-1, accesskey: AKIAEXAMPLE, secretkey: swordfish, sessiontoken: swordfish}
index: {postgresql: {url: "postgresql://registry:swordfish@db.internal/registry?password=swordfish"}}
auth: none
http: {secret: swordfishswordfish}
notifications: {endpoints: [{name: a, url: "https://hooks.example.com", headers: {X-Any: [swordfish]}}]}
redis: {addr: "redis.internal:6379", password: swordfish, sentinelpassword: swordfish}
database: {host: db.internal, password: swordfish}
reporting: {sentry: {dsn: swordfish}}
log: {hooks: [{options: {smtp: {password: swordfish, addr: "mail.example.com:25"}}}]}
`;

describe('config print', () => {
  test('--redacted shows no secret, and everything else', () => {
    const text = print(SECRETS, true);
    expect(text).not.toContain('swordfish');
    expect(parse(text)).toMatchObject({
      storage: { s3: { bucket: 'images', accesskey: 'AKIAEXAMPLE', secretkey: '(hidden)' } },
      index: { postgresql: { url: 'postgresql://(hidden)@db.internal/registry?password=(hidden)', poolsize: 10 } },
      redis: { addr: 'redis.internal:6379', password: '(hidden)' },
      log: { hooks: [{ options: { smtp: { addr: 'mail.example.com:25' } } }] },
    });
  });

  test('without it prints all, with defaults, as a file that means the same', () => {
    const printed = print(SECRETS, false);
    const [again, first] = [printed, SECRETS].map((text) => parseConfig(text, 'config.yml', {}).config);
    expect(again).toEqual(first);
    expect(printed).toContain('draintimeout: 30s');
    expect(print(printed, false)).toBe(printed);
  });

  test('shows what the registry expects of tokens beside what the endpoint of another server must give', () => {
    const fixture = path.join(import.meta.dirname, 'fixtures/gitlab-omnibus.yml');
    const lines = print(readFileSync(fixture, 'utf8'), true).split('\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/^# issuer +omnibus-gitlab-issuer +\(another server\) +must be the same there$/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^# realm +https:\/\/gitlab.example.com\/jwt\/auth +\(another server\)/),
    );
  });

  test('says whether registry and token endpoint agree', () => {
    const file = (host: string) => `
version: 0.1
storage: inmemory
auth: {token: {realm: "https://registry.example.com/jwt/auth", service: container_registry, issuer: us}}
tokenendpoint: {htpasswd: /users, privatekey: /key.pem}
http: {host: "${host}"}
`;
    expect(print(file('https://registry.example.com'), true)).toMatch(
      /^# issuer +us +us +agree\n# service +container_registry +container_registry +agree\n# realm .* agree\n# algorithm +ES256, RS256 +ES256 +agree$/m,
    );
    expect(print(file('https://other.example.com'), true)).toMatch(
      /^# realm +https:\/\/registry.example.com\/jwt\/auth +https:\/\/other.example.com\/jwt\/auth +differ: /m,
    );
  });
});
