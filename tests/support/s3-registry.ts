import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startMoto } from './moto.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const REGION = 'eu-central-1';
const BUCKET = 'registry';

export interface S3Registry {
  readonly registry: RegistryProcess;
  /** URL of the bucket's backend. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A registry whose objects are in a bucket of a mock of S3. Needs `moto_server`. */
export async function startS3Registry(options: { readonly redirect: boolean }): Promise<S3Registry> {
  const moto = await startMoto();
  const { endpoint } = moto;
  const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials: CREDENTIALS });
  const location = { LocationConstraint: REGION } as const;
  await client.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: location }));
  client.destroy();
  const registry = await startRegistry({
    config: {
      storage: {
        s3: {
          bucket: BUCKET,
          region: REGION,
          regionendpoint: endpoint,
          forcepathstyle: true,
          accesskey: CREDENTIALS.accessKeyId,
          secretkey: CREDENTIALS.secretAccessKey,
        },
        delete: { enabled: true },
        redirect: { disable: !options.redirect },
      },
    },
  });
  return {
    registry,
    endpoint,
    stop: async () => {
      await registry.stop();
      await moto.stop();
    },
  };
}
