import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { startMoto } from './moto.ts';
import { type RegistryOptions, type RegistryProcess, startRegistry } from './registry-process.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const REGION = 'eu-central-1';
const BUCKET = 'registry';

export interface S3RegistryOptions {
  /** Whether clients are sent to the bucket, or which of them. */
  readonly redirect: boolean | NonNullable<ConfigInput['storage']['redirect']>;
  /** Further options of the driver. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** @default 'none' */
  readonly login?: RegistryOptions['login'];
  /** Puts something in front of the backend: given its URL, the one that the registry and its clients use. @default - nothing */
  readonly inFront?: (endpoint: string) => Promise<string>;
}

export interface S3Registry {
  readonly registry: RegistryProcess;
  /** URL of the bucket's backend. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A registry whose objects are in a bucket of a mock of S3. Needs `moto_server`. */
export async function startS3Registry(options: S3RegistryOptions): Promise<S3Registry> {
  const { redirect, settings = {}, login, inFront } = options;
  const moto = await startMoto();
  const client = new S3Client({
    endpoint: moto.endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: CREDENTIALS,
  });
  const location = { LocationConstraint: REGION } as const;
  await client.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: location }));
  client.destroy();
  const endpoint = inFront === undefined ? moto.endpoint : await inFront(moto.endpoint);
  const registry = await startRegistry({
    login: login ?? 'none',
    config: {
      storage: {
        s3: {
          bucket: BUCKET,
          region: REGION,
          regionendpoint: endpoint,
          forcepathstyle: true,
          accesskey: CREDENTIALS.accessKeyId,
          secretkey: CREDENTIALS.secretAccessKey,
          ...settings,
        },
        delete: { enabled: true },
        redirect: typeof redirect === 'boolean' ? { disable: !redirect } : redirect,
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
