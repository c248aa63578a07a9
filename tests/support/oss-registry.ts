import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startFaultProxy } from './fault-proxy.ts';
import { startMoto } from './moto.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';

const BUCKET = 'registry';

export interface OssRegistry {
  readonly registry: RegistryProcess;
  stop(): Promise<void>;
}

/** A registry whose objects are in a bucket that it reaches by a domain of its own, as OSS has them. Needs `moto_server`. */
export async function startOssRegistry(): Promise<OssRegistry> {
  const moto = await startMoto();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new S3Client({ endpoint: moto.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  // The mock knows a bucket by the name in front of the host.
  const domain = await startFaultProxy(moto.endpoint, { host: `${BUCKET}.s3.amazonaws.com` });
  const registry = await startRegistry({
    config: {
      storage: {
        oss: {
          bucket: BUCKET,
          region: 'cn-hangzhou',
          endpoint: domain.url,
          accesskeyid: 'test',
          accesskeysecret: 'test',
        },
        delete: { enabled: true },
        redirect: { disable: true },
      },
    },
  });
  return {
    registry,
    stop: async () => {
      await registry.stop();
      await domain.stop();
      await moto.stop();
    },
  };
}
