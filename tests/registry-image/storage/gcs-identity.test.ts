import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GcsDriver } from '../../../registry-image/src/storage/gcs.ts';
import { type Gcs, startGcs } from '../../support/gcs.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';
import { gcsOptions, identityAt } from './gcs-opening.ts';

const VARIABLES = ['GCE_METADATA_HOST', 'GOOGLE_APPLICATION_CREDENTIALS', 'METADATA_SERVER_DETECTION', 'HOME'] as const;

describe('who the server is to Google Cloud', () => {
  let gcs: Gcs;
  let directory: TemporaryDirectory;
  const before = new Map(VARIABLES.map((name) => [name, process.env[name]]));

  beforeEach(async () => {
    gcs = await startGcs();
    directory = temporaryDirectory('gcs-identity');
    // No credentials of whoever runs the tests.
    process.env.HOME = directory.path;
  });
  afterEach(async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    directory?.remove();
    await gcs?.stop();
  });

  const open = async (settings: Record<string, unknown> = {}) => {
    const options = gcsOptions(gcs, settings);
    return GcsDriver.open(options, await identityAt(gcs, options));
  };

  const fileWith = (content: string) => {
    const file = path.join(directory.path, 'key.json');
    writeFileSync(file, content);
    return file;
  };

  const messageOf = async (opening: Promise<GcsDriver>) => {
    const error: Error = await opening.then(
      () => new Error('it was opened'),
      (failure) => failure,
    );
    return error.message;
  };

  test('the account of a key file', async () => {
    const driver = await open({ keyfile: fileWith(JSON.stringify(gcs.keyFile())) });
    await driver.write('key', Buffer.from('x'));
    expect(driver.permissions.redirect).toEqual(['storage.objects.get']);
    await driver.close();
  });

  test('the account whose key file is in the configuration', async () => {
    const driver = await open({ credentials: gcs.keyFile() });
    await driver.write('key', Buffer.from('x'));
    await driver.close();
  });

  test('the account of the machine, from its metadata server, when no key is given', async () => {
    process.env.GCE_METADATA_HOST = gcs.metadataHost;
    const driver = await open();
    await driver.write('key', Buffer.from('x'));
    expect(driver.permissions.redirect).toEqual(['storage.objects.get', 'iam.serviceAccounts.signBlob']);
    await driver.close();
  });

  test('is found without looking for a project, which takes the gcloud command a second', async () => {
    process.env.GCE_METADATA_HOST = gcs.metadataHost;
    await (await open()).close();
    expect(gcs.identity.requests.filter((asked) => asked.includes('/project/'))).toEqual([]);
    expect(gcs.identity.requests).toContain('/computeMetadata/v1/instance/service-accounts/default/token');
  });

  test('the account of the file that GOOGLE_APPLICATION_CREDENTIALS names', async () => {
    process.env.GOOGLE_APPLICATION_CREDENTIALS = fileWith(JSON.stringify(gcs.keyFile()));
    const driver = await open();
    await driver.write('key', Buffer.from('x'));
    await driver.close();
  });

  test('one token serves many calls', async () => {
    const tokens = new Set<string | undefined>();
    gcs.onRequest = ({ headers }) => tokens.add(headers.authorization);
    const driver = await open({ credentials: gcs.keyFile() });
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => driver.write(key, Buffer.from('x'))));
    await driver.close();
    expect(tokens.size).toBe(1);
  });

  test('no credentials at all: says where they may come from', async () => {
    process.env.METADATA_SERVER_DETECTION = 'none';
    expect(await messageOf(open())).toBe(
      'no Google credentials were found: give the machine a service account, set GOOGLE_APPLICATION_CREDENTIALS, or set keyfile in storage.gcs',
    );
  });

  test('a key that Google does not know any more: says so, without the key', async () => {
    const stranger = gcs.accounts.create('stranger@project.iam.gserviceaccount.com');
    const key = {
      ...gcs.keyFile(),
      private_key: String(stranger.key.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    };
    const message = await messageOf(open({ credentials: key }));
    expect(message).toBe(
      'Google does not accept the credentials (invalid_grant: Invalid JWT Signature.); check that the service account is there and enabled, that its key was not deleted, and the clock of this machine',
    );
  });

  test('a key that is cut off: says so, without the key', async () => {
    const { private_key = '', ...rest } = gcs.keyFile();
    const message = await messageOf(open({ credentials: { ...rest, private_key: private_key.slice(0, 400) } }));
    expect(message).toBe('the private_key of the service account cannot be read; copy it whole, with its line breaks');
  });

  test.each([
    ['is missing', undefined, /but cannot be read \(ENOENT\)/],
    ['is no JSON', '-----BEGIN PRIVATE KEY-----secret', /but is no JSON/],
    ['is of a person', '{"type": "authorized_user", "refresh_token": "secret"}', /but is of type "authorized_user"/],
    ['lacks the key', '{"type": "service_account", "client_email": "a"}', /but lacks client_email or private_key/],
    ['is null', 'null', /but is no JSON object/],
  ])('a key file that %s: says what it must be, without what is in it', async (_what, content, reason) => {
    const keyfile = content === undefined ? path.join(directory.path, 'none.json') : fileWith(content);
    const message = await messageOf(open({ keyfile }));
    expect(message).toMatch(reason);
    expect(message).toContain(`storage.gcs.keyfile: ${keyfile} must be the JSON key file of a service account`);
    expect(message).not.toContain('secret');
  });
});
