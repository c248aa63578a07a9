import { type BucketLocationConstraint, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { startMoto } from './moto.ts';
import { type RegistryOptions, type RegistryProcess, startRegistry } from './registry-process.ts';
import { startSwift } from './swift.ts';

const BUCKET = 'registry';

/** A stand-in for S3, without buckets at first. */
export interface S3Store {
  readonly endpoint: string;
  readonly region: string;
  readonly accesskey: string;
  readonly secretkey: string;
  stop(): Promise<void>;
}

/** Takes any keys and signatures. Needs `moto_server`. */
export async function motoStore(): Promise<S3Store> {
  const { endpoint, stop } = await startMoto();
  return { endpoint, region: 'eu-central-1', accesskey: 'test', secretkey: 'test', stop };
}

/** Checks signatures. Needs `swift`. */
export async function swiftStore(): Promise<S3Store> {
  const { s3Endpoint, user, key, stop } = await startSwift();
  return { endpoint: s3Endpoint, region: 'us-east-1', accesskey: user, secretkey: key, stop };
}

export interface S3RegistryOptions {
  /** Whether clients are sent to the bucket, or which of them. */
  readonly redirect: boolean | NonNullable<ConfigInput['storage']['redirect']>;
  /** Further options of the driver. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** @default 'none' */
  readonly login?: RegistryOptions['login'];
  /** @default - motoStore */
  readonly store?: () => Promise<S3Store>;
  /** Puts something in front of the backend: given its URL, the one that the registry and its clients use. @default - nothing */
  readonly inFront?: (endpoint: string) => Promise<string>;
}

export interface S3Registry {
  readonly registry: RegistryProcess;
  /** URL of the bucket's backend. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A registry whose objects are in a bucket of a stand-in for S3. */
export async function startS3Registry(options: S3RegistryOptions): Promise<S3Registry> {
  const { redirect, settings = {}, login, inFront } = options;
  const store = await (options.store ?? motoStore)();
  await createBucket(store);
  const endpoint = inFront === undefined ? store.endpoint : await inFront(store.endpoint);
  const registry = await startRegistry({
    login: login ?? 'none',
    config: {
      storage: {
        s3: {
          bucket: BUCKET,
          region: store.region,
          regionendpoint: endpoint,
          forcepathstyle: true,
          accesskey: store.accesskey,
          secretkey: store.secretkey,
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
      await store.stop();
    },
  };
}

async function createBucket({ endpoint, region, accesskey, secretkey }: S3Store): Promise<void> {
  const credentials = { accessKeyId: accesskey, secretAccessKey: secretkey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  // The first region is where buckets are that name none.
  const location =
    region === 'us-east-1'
      ? {}
      : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } };
  await client.send(new CreateBucketCommand({ Bucket: BUCKET, ...location }));
  client.destroy();
}
