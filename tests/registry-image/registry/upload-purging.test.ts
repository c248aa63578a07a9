import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMultipartUploadsCommand, ListPartsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../registry-image/src/config/load.ts';
import { ownIndex } from '../../../registry-image/src/metadata/open-index.ts';
import { LeftUploads } from '../../../registry-image/src/registry/left-uploads.ts';
import { createRegistry } from '../../../registry-image/src/registry/registry.ts';
import { startUploadPurging } from '../../../registry-image/src/registry/upload-purging.ts';
import { openStorageDriver } from '../../../registry-image/src/storage/open-driver.ts';
import { randomBlob } from '../../support/oci-image.ts';
import { describeWith } from '../../support/requirements.ts';
import { type S3Registry, startS3Registry } from '../../support/s3-registry.ts';

const MIB = 1024 ** 2;
const OPTIONS = { enabled: true, age: 3_600_000, interval: 60_000, dryrun: false };

describe('upload purging', () => {
  function log() {
    const lines: [string, object, string][] = [];
    return {
      lines,
      info: (fields: object, message: string) => void lines.push(['info', fields, message]),
      error: (fields: object, message: string) => void lines.push(['error', fields, message]),
    };
  }

  test('begins at once with what is older than its age, and says what it removed; what fails does not keep the rest', async () => {
    const said = log();
    const failure = new Error('bucket on fire');
    const asked: { before: Date; dryRun: boolean }[] = [];
    const good = {
      purge: async (before: Date, { dryRun }: { dryRun: boolean }) => {
        asked.push({ before, dryRun });
        return [{ id: '1', repository: 'a' }];
      },
    };
    const stop = startUploadPurging([{ purge: () => Promise.reject(failure) }, good], OPTIONS, said);
    await sleep(10);
    stop();
    expect(said.lines).toEqual([
      ['error', { err: failure }, 'abandoned uploads could not be purged'],
      ['info', { uploads: [{ id: '1', repository: 'a' }], dryRun: false }, 'abandoned uploads purged'],
    ]);
    expect(asked).toEqual([{ before: expect.any(Date), dryRun: false }]);
    expect(Math.abs(Date.now() - OPTIONS.age - Number(asked[0]?.before))).toBeLessThan(5000);
  });

  test('does nothing when it is not enabled', async () => {
    const said = log();
    startUploadPurging([{ purge: () => Promise.reject(new Error('asked')) }], { ...OPTIONS, enabled: false }, said)();
    await sleep(10);
    expect(said.lines).toEqual([]);
  });
});

describeWith(['moto_server'], 'uploads to a bucket that a killed server has left', () => {
  let s3: S3Registry;
  beforeEach(async () => {
    s3 = await startS3Registry({ redirect: false });
  });
  afterEach(() => s3?.stop());

  /** How many parts each upload in the bucket has. */
  async function partsInBucket(): Promise<number[]> {
    const client = new S3Client({
      endpoint: s3.endpoint,
      region: 'eu-central-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const Bucket = 'registry';
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    const counts = Uploads.map(async ({ Key, UploadId }) => {
      const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
      return Parts.length;
    });
    return Promise.all(counts).finally(() => client.destroy());
  }

  /** Purges as the server does once they are old, and returns the keys that are left. */
  async function purgeAll(): Promise<string[]> {
    const { config } = await loadConfig(s3.registry.configFile, {});
    const driver = await openStorageDriver(config.storage);
    const { metadata, close } = await ownIndex(config);
    try {
      const later = new Date(Date.now() + 60_000);
      await createRegistry(driver, metadata, config).uploads.purge(later, { dryRun: false });
      await new LeftUploads(driver, metadata).purge(later, { dryRun: false });
      const keys: string[] = [];
      for await (const { key } of driver.list('')) keys.push(key);
      return keys;
    } finally {
      await close();
      await driver.close();
    }
  }

  test('are gone with parts and state, whether between two chunks or in the middle of one; blobs stay', async () => {
    const client = s3.registry.client();
    const blob = randomBlob();
    await client.pushBlob('group/project', blob);

    const between = await client.startUpload('group/project');
    expect((await client.sendChunk(between, randomBytes(12 * MIB))).status).toBe(202);
    expect(await partsInBucket()).toHaveLength(1);

    const inside = await client.startUpload('group/project');
    const broken = client.sendChunk(inside, endless).catch(() => undefined);
    while ((await partsInBucket()).filter((parts) => parts > 0).length < 2) await sleep(50);
    await s3.registry.kill();
    await broken;
    client.close();

    const keys = await purgeAll();
    expect(keys.filter((key) => !key.startsWith('docker/'))).toEqual([]);
    expect(keys).toContain(`docker/registry/v2/blobs/sha256/${blob.digest.slice(7, 9)}/${blob.digest.slice(7)}/data`);
    expect(await partsInBucket()).toEqual([]);
  });

  test('are gone also when the index was lost', async () => {
    const client = s3.registry.client();
    const upload = await client.startUpload('group/project');
    await client.sendChunk(upload, randomBytes(12 * MIB));
    client.close();
    await s3.registry.kill();
    rmSync(path.join(s3.registry.directory, 'index.sqlite'));
    expect(await purgeAll()).toEqual([]);
    expect(await partsInBucket()).toEqual([]);
  });

  async function* endless(): AsyncGenerator<Buffer> {
    const bytes = randomBytes(MIB);
    for (;;) {
      yield bytes;
      await sleep(5);
    }
  }
});
