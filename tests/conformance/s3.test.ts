import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startMoto } from '../support/moto.ts';
import { startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { conformanceSuite } from './suite/suite.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const REGION = 'eu-central-1';
const BUCKET = 'registry';

async function createBucket(endpoint: string): Promise<void> {
  const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials: CREDENTIALS });
  await client.send(
    new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }),
  );
  client.destroy();
}

describeWith(['moto_server'], 'with objects in S3', () => {
  conformanceSuite('s3, SQLite', async () => {
    const moto = await startMoto();
    await createBucket(moto.endpoint);
    const registry = await startRegistry({
      config: {
        storage: {
          s3: {
            bucket: BUCKET,
            region: REGION,
            regionendpoint: moto.endpoint,
            forcepathstyle: true,
            accesskey: CREDENTIALS.accessKeyId,
            secretkey: CREDENTIALS.secretAccessKey,
          },
          delete: { enabled: true },
          redirect: { disable: true },
        },
      },
    });
    return {
      client: () => registry.client(),
      stop: async () => {
        await registry.stop();
        await moto.stop();
      },
    };
  });
});
