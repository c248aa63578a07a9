import { CreateBucketCommand, type S3ClientConfig } from '@aws-sdk/client-s3';
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';
import type { Moto } from '../../support/moto.ts';

/** The `s3` section of a configuration for the mock, as the server sees it: defaults are filled in. */
export function s3Options(moto: Moto, settings: Record<string, unknown> = {}): S3Options {
  const { s3 } = storageSchema.parse({
    s3: {
      bucket: 'registry-images',
      region: 'us-east-1',
      accesskey: 'test',
      secretkey: 'test',
      regionendpoint: moto.endpoint,
      forcepathstyle: true,
      chunksize: 5 * 1024 ** 2,
      ...settings,
    },
  });
  return s3 as S3Options;
}

export async function createBucket(options: S3Options, overrides?: S3ClientConfig): Promise<void> {
  const client = createS3Client(options, undefined, overrides);
  await client.send(new CreateBucketCommand({ Bucket: options.bucket }));
  client.destroy();
}
