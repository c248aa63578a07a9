import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { SwiftHttp } from '../../../registry-image/src/storage/swift-http.ts';
import { SwiftIdentity } from '../../../registry-image/src/storage/swift-identity.ts';
import { readObject } from '../../support/read-object.ts';
import { describeWith } from '../../support/requirements.ts';
import { type Swift, startSwift } from '../../support/swift.ts';
import { KEYSTONE, type Keystone, startKeystone } from '../../support/swift-keystone.ts';
import { swiftOptions } from './swift-options.ts';

const LIMITS = { connectMs: 500, idleMs: 2000, firstPauseMs: 10 };

const { user: username, password, domain, project, trust, applicationCredential } = KEYSTONE;
const USER = { username, password, domain: domain.name };
const PROJECT = { tenantid: project.id };

describeWith(['swift'], 'the identity of the swift driver', () => {
  let swift: Swift;
  let keystone: Keystone;
  const drivers: SwiftDriver[] = [];
  const https: SwiftHttp[] = [];

  beforeAll(async () => {
    swift = await startSwift();
    keystone = await startKeystone(swift);
  });
  afterEach(async () => {
    keystone.breakDown(false);
    for (const each of [...drivers.splice(0), ...https.splice(0)]) await each.close();
  });
  afterAll(async () => {
    await keystone?.stop();
    await swift?.stop();
  });

  const optionsOf = (settings: Record<string, unknown>, service = keystone) => {
    const authurl = `${service.url}/v3`;
    return swiftOptions(swift, { authurl, username: undefined, password: undefined, ...settings });
  };

  const identityOf = (settings: Record<string, unknown>, service?: Keystone) => {
    const http = new SwiftHttp({ verify: true, limits: LIMITS });
    https.push(http);
    return new SwiftIdentity(optionsOf(settings, service), http);
  };

  const open = async (settings: Record<string, unknown>, service?: Keystone) => {
    const driver = await SwiftDriver.open(optionsOf(settings, service), LIMITS);
    drivers.push(driver);
    return driver;
  };

  const expectToWork = async (driver: SwiftDriver) => {
    await driver.write('identity/object', Buffer.from('x'));
    expect((await readObject(await driver.read('identity/object'))).toString()).toBe('x');
  };

  describe('of Keystone 3', () => {
    test.each<[string, Record<string, unknown>]>([
      ['a user of a domain by name, and a project by id', { ...USER, ...PROJECT }],
      ['a user of a domain by id', { username, password, domainid: domain.id, ...PROJECT }],
      ['a project by name, in a domain by name', { ...USER, tenant: project.name, tenantdomain: project.domain.name }],
      ['a project by name, in a domain by id', { ...USER, tenant: project.name, tenantdomainid: project.domain.id }],
      ['a project both by name and by id', { ...USER, tenant: 'another', ...PROJECT }],
      ['a trust', { ...USER, trustid: trust }],
      [
        'an application credential',
        {
          applicationcredentialid: applicationCredential.id,
          applicationcredentialsecret: applicationCredential.secret,
        },
      ],
    ])('is %s', async (_what, settings) => {
      await expectToWork(await open(settings));
    });

    test.each(['/v3', '/v3/', '/v3/auth', '/v3/auth/tokens'])(
      'is asked at authurl as operators write it: %s',
      async (at) => {
        await expectToWork(await open({ ...USER, ...PROJECT, authurl: keystone.url + at }));
      },
    );

    test('says the domain of the project by that of the user, and the default domain when there is none', async () => {
      await expect(identityOf({ ...USER, tenant: project.name }).token()).rejects.toThrow();
      expect(keystone.requests.at(-1)).toMatchObject({
        auth: { scope: { project: { domain: { name: domain.name } } } },
      });
      await expect(identityOf({ username, password, tenant: project.name }).token()).rejects.toThrow();
      expect(keystone.requests.at(-1)).toMatchObject({
        auth: {
          identity: { password: { user: { domain: { id: 'default' } } } },
          scope: { project: { domain: { id: 'default' } } },
        },
      });
    });
  });

  describe('of Keystone 2', () => {
    test.each([
      ['name', { tenant: project.name }],
      ['id', { tenantid: project.id }],
    ])('is a user and a project by %s', async (_what, of) => {
      await expectToWork(await open({ username, password, ...of, authurl: `${keystone.url}/v2.0` }));
    });
  });

  describe.each(['v3', 'v2.0'])('with the service catalogue of %s', (version) => {
    const settings = () => ({ ...USER, ...PROJECT, authurl: `${keystone.url}/${version}` });

    test.each([
      [{}, 'v1/AUTH_test'],
      [{ region: 'RegionOne', endpointtype: 'internal' }, 'v1/AUTH_test'],
      [{ region: 'RegionOne', endpointtype: 'admin' }, ''],
      [{ region: 'RegionTwo' }, 'http://127.0.0.1:9/v1/AUTH_test'],
    ])('%j is %j', async (choice, url) => {
      const { storageUrl } = await identityOf({ ...settings(), ...choice }).token();
      expect(storageUrl).toBe(new URL(url, `${swift.url}/`).href.replace(/\/$/, ''));
    });

    test('says which regions and endpoints there are when none fits', async () => {
      await expect(identityOf({ ...settings(), region: 'Elsewhere' }).token()).rejects.toThrow(
        /no object-store that is public in the region Elsewhere; it knows .*public in RegionOne.*public in RegionTwo.*: correct storage\.swift\.region or storage\.swift\.endpointtype/,
      );
    });

    test('says that a project is missing when the token is for none', async () => {
      await expect(identityOf({ ...settings(), tenantid: undefined }).token()).rejects.toThrow(
        /names no object-store; set storage\.swift\.tenant or tenantid/,
      );
    });
  });

  describe('says what to do when', () => {
    test('the password is wrong, and does not repeat it', async () => {
      const error: Error = await open({ ...USER, ...PROJECT, password: 'not it' }).catch((failure) => failure);
      expect(error.message).toMatch(
        /the identity service answered 401 .* username, password, domain or project are wrong/,
      );
      expect(error.message).not.toContain('not it');
    });

    test('the application credential is wrong', async () => {
      const credential = { applicationcredentialid: 'ac-1', applicationcredentialsecret: 'not it' };
      await expect(open(credential)).rejects.toThrow(/401 .* application credential is wrong or has expired/);
    });

    test.each([
      [
        'another version is there',
        '/v3/elsewhere',
        /404 .* no identity service of version 3; correct storage\.swift\.authurl/,
      ],
      ['authurl is Swift itself', undefined, /no identity service of version 1|answered 4\d\d/],
    ])('%s', async (_what, at, message) => {
      const authurl = at === undefined ? `${swift.url}/v1/AUTH_test` : keystone.url + at;
      await expect(open({ ...USER, ...PROJECT, authurl })).rejects.toThrow(message);
    });

    test('nothing listens at authurl', async () => {
      await expect(open({ ...USER, ...PROJECT, authurl: 'http://127.0.0.1:9/v3' })).rejects.toThrow(
        /http:\/\/127\.0\.0\.1:9 gave no answer in 5 tries .*ECONNREFUSED.*; check storage\.swift\.authurl/,
      );
    });

    test('nothing listens where the catalogue says that Swift is', async () => {
      await expect(open({ ...USER, ...PROJECT, region: 'RegionTwo' })).rejects.toThrow(
        /http:\/\/127\.0\.0\.1:9 gave no answer .*; check storage\.swift\.region and storage\.swift\.endpointtype/,
      );
    });
  });

  describe('keeps its token', () => {
    test('for all requests', async () => {
      const driver = await open({ ...USER, ...PROJECT });
      const before = keystone.requests.length;
      await Promise.all(Array.from({ length: 20 }, (_, index) => driver.write(`shared/${index}`, Buffer.from('x'))));
      expect(keystone.requests).toHaveLength(before);
    });

    test('until Swift refuses it: the request is made again with another one', async () => {
      keystone.giveBadTokens(1);
      const driver = await open({ ...USER, ...PROJECT });
      await expectToWork(driver);
    });

    test('and says so when Swift refuses new ones as well', async () => {
      keystone.giveBadTokens(2);
      await expect(open({ ...USER, ...PROJECT })).rejects.toThrow(
        /Swift answered 401 to HEAD container in AUTH_test\/registry: it does not accept the token, although that is new/,
      );
    });

    test('and asks once for another, however many requests are waiting for it', async () => {
      const identity = identityOf({ ...USER, ...PROJECT });
      const before = keystone.requests.length;
      const tokens = await Promise.all(Array.from({ length: 10 }, () => identity.token()));
      expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
      await Promise.all(tokens.map(({ token }) => identity.token(token)));
      expect(keystone.requests).toHaveLength(before + 2);
    });

    test('and renews it before it ends, without a request waiting for that', async () => {
      const brief = await startKeystone(swift, { lifetimeSeconds: 12 });
      try {
        const identity = identityOf({ ...USER, ...PROJECT }, brief);
        await identity.token();
        // A tenth of its time is left.
        await sleep(10_900);
        brief.breakDown(true);
        await identity.token();
        brief.breakDown(false);
        expect(brief.requests).toHaveLength(1);
        await sleep(1200);
        await identity.token();
        expect(brief.requests).toHaveLength(2);
      } finally {
        await brief.stop();
      }
    }, 30_000);
  });
});
