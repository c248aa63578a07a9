import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GcsDriver } from '../../../registry-image/src/storage/gcs.ts';
import { explainGcsError, GcsError } from '../../../registry-image/src/storage/gcs-errors.ts';
import { ObjectNotFoundError, type StorageOperation } from '../../../registry-image/src/storage/storage-driver.ts';
import { type Gcs, startGcs } from '../../support/gcs.ts';
import { readObject } from '../../support/read-object.ts';
import { gcsOptions, identityAt, keyIdentity } from './gcs-opening.ts';

const MIB = 1024 ** 2;

describe('what Cloud Storage allows', () => {
  let gcs: Gcs;

  beforeEach(async () => {
    gcs = await startGcs();
  });
  afterEach(() => gcs?.stop());

  const open = async () => GcsDriver.open(gcsOptions(gcs), await keyIdentity(gcs));

  const allow = (permissions: Iterable<string>) => {
    gcs.account.permissions.clear();
    for (const permission of permissions) gcs.account.permissions.add(permission);
  };

  type Run = (driver: GcsDriver) => Promise<() => Promise<unknown>>;

  /** What is done with every permission before, and then with those of the operation. */
  const operations: [StorageOperation, Run][] = [
    ['write', async (driver) => () => driver.write('existing', Buffer.from('y'))],
    ['read', async (driver) => async () => readObject(await driver.read('existing'))],
    ['stat', async (driver) => () => driver.stat('existing')],
    ['statMissing', async (driver) => () => driver.stat('missing').catch(unlessMissing)],
    [
      'list',
      async (driver) => async () => {
        for await (const _object of driver.list('')) break;
      },
    ],
    ['move', async (driver) => () => driver.move('existing', 'moved')],
    ['delete', async (driver) => () => driver.delete('existing')],
    [
      'upload',
      async (driver) => async () => {
        const upload = await driver.openUpload(`uploads/${randomUUID()}/data`);
        await upload.append(bytesOf(6 * MIB));
        await upload.complete();
      },
    ],
    [
      'cancel',
      async (driver) => {
        const upload = await driver.openUpload(`uploads/${randomUUID()}/data`);
        await upload.append(bytesOf(6 * MIB));
        return () => upload.cancel();
      },
    ],
  ];

  test.each(operations)(
    '%s does with the permissions that it names, and with none of them less',
    async (name, begin) => {
      const driver = await open();
      const every = [...gcs.account.permissions];
      const needed = driver.permissions[name] as readonly string[];
      const runWith = async (permissions: readonly string[]) => {
        allow(every);
        await driver.write('existing', Buffer.from('x'));
        const run = await begin(driver);
        allow(permissions);
        await run();
      };
      await runWith(needed);
      for (const missing of needed) {
        await expect(runWith(needed.filter((permission) => permission !== missing))).rejects.toThrow(
          `not allowed ${missing}`,
        );
      }
      await driver.close();
    },
  );

  test('a missing storage.objects.list is named at opening, with what to do', async () => {
    gcs.account.permissions.delete('storage.objects.list');
    await expect(open()).rejects.toThrow(
      /^Cloud Storage answered 403 forbidden \(registry@project\.iam\.gserviceaccount\.com does not have storage\.objects\.list access .*\) to storage\.objects\.list: the identity is probably not allowed storage\.objects\.list on the bucket "registry-images"; grant it roles\/storage\.objectUser on the bucket$/,
    );
  });

  test('who may not list is told that this may be why an object cannot be read', async () => {
    const driver = await open();
    allow(['storage.objects.get']);
    await expect(driver.stat('missing')).rejects.toThrow(
      /not allowed storage\.objects\.list on the bucket "registry-images"/,
    );
    allow([]);
    await expect(driver.stat('missing')).rejects.toThrow(
      /not allowed storage\.objects\.get, or storage\.objects\.list, without which Cloud Storage answers 403 for an object that does not exist, on the bucket/,
    );
  });

  test('a missing permission is named in the words of the XML API as well', async () => {
    const driver = await open();
    gcs.account.permissions.delete('storage.multipartUploads.create');
    const upload = await driver.openUpload('uploads/1/data');
    await expect(upload.append(bytesOf(6 * MIB))).rejects.toThrow(
      /^Cloud Storage answered 403 AccessDenied \(.*\) to storage\.multipartUploads\.create: .* not allowed storage\.multipartUploads\.create/,
    );
  });

  test('a missing right to abort uploads is named when one is cancelled', async () => {
    const driver = await open();
    const upload = await driver.openUpload('uploads/1/data');
    await upload.append(bytesOf(6 * MIB));
    gcs.account.permissions.delete('storage.multipartUploads.abort');
    await expect(upload.cancel()).rejects.toThrow(/not allowed storage\.multipartUploads\.abort/);
  });

  test('a token that has become worthless is told apart from a missing permission', async () => {
    const driver = await open();
    gcs.accounts.revokeTokens();
    await expect(driver.stat('any')).rejects.toThrow(
      'Cloud Storage answered 401 authError (Invalid Credentials) to storage.objects.get: the credentials are not accepted; check that the service account is there and enabled, that its key was not deleted, and the clock of this machine',
    );
  });

  test('a virtual machine without the access scope is told so', async () => {
    gcs.identity.machine = {
      account: gcs.account,
      scopes: ['https://www.googleapis.com/auth/devstorage.read_only'],
    };
    process.env.GCE_METADATA_HOST = gcs.metadataHost;
    try {
      const options = gcsOptions(gcs);
      await expect(GcsDriver.open(options, await identityAt(gcs, options))).rejects.toThrow(
        /403 insufficientPermissions .*: the access scopes of the virtual machine do not let its service account do this; create the machine with the scope cloud-platform/,
      );
    } finally {
      delete process.env.GCE_METADATA_HOST;
    }
  });
});

describe('what else Cloud Storage may refuse', () => {
  test.each([
    [
      403,
      'retentionPolicyNotMet',
      "Object 'a' is subject to bucket's retention policy",
      /keeps objects from being replaced or deleted/,
    ],
    [403, 'accountDisabled', 'The billing account for the owning project is disabled', /cannot be billed/],
    [429, 'rateLimitExceeded', 'The rate limit was exceeded', /written more often than Cloud Storage takes/],
    [400, 'invalid', 'Bucket is requester pays', /^Cloud Storage answered 400 invalid \(Bucket is requester pays\) to/],
  ])('%s %s is explained', (status, code, message, explanation) => {
    const call = { permission: 'storage.objects.create', bucket: 'images' } as const;
    expect(explainGcsError(new GcsError(status, code, message), call).message).toMatch(explanation);
  });
});

function unlessMissing(error: unknown): void {
  if (!(error instanceof ObjectNotFoundError)) throw error;
}

async function* bytesOf(size: number): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(size);
}
