import type { Config } from '../config/schema.ts';
import { ramRoleKeys } from './oss-identity.ts';
import { S3Driver } from './s3.ts';
import type { S3Options } from './s3-bucket.ts';
import { createS3Client, type S3TimeLimits } from './s3-client.ts';
import type { S3Action, S3Dialect } from './s3-dialect.ts';

export type OssOptions = NonNullable<Config['storage']['oss']>;

/** https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview#section-x3c-nsm-2gb, by the operations that they stand for. */
const ACTIONS: Readonly<Record<S3Action, string>> = {
  's3:AbortMultipartUpload': 'oss:AbortMultipartUpload',
  's3:DeleteObject': 'oss:DeleteObject',
  's3:GetObject': 'oss:GetObject',
  's3:ListBucket': 'oss:ListObjects',
  's3:PutObject': 'oss:PutObject',
};

const ALIBABA: S3Dialect = {
  driver: 'oss',
  service: 'OSS',
  keys: {
    accessKey: 'accesskeyid',
    secretKey: 'accesskeysecret',
    endpoint: 'endpoint',
    sessionToken: undefined,
    rate: undefined,
  },
  optional: 'encrypt or encryptionkeyid',
  machineIdentity: 'instance RAM role',
  actionOf: (action) => ACTIONS[action],
  resourceOf: (bucket) => `acs:oss:*:*:${bucket}`,
  keyServiceActions: 'kms:GenerateDataKey and kms:Decrypt',
};

/** What tests replace. */
export interface OssSetup {
  readonly limits?: S3TimeLimits;
  /** Where the metadata service of the instance is. */
  readonly metadataUrl?: string;
  readonly client?: Parameters<typeof createS3Client>[2];
}

/**
 * Objects in a bucket of Alibaba Cloud OSS, by the protocol of S3, which it speaks where the bucket is in the name of the host:
 * https://www.alibabacloud.com/help/en/oss/developer-reference/compatibility-with-amazon-s3. Bodies go as they are, without
 * `aws-chunked`, and uploads in progress are never listed, which it does not know.
 */
export async function openOssDriver(options: OssOptions, setup: OssSetup = {}): Promise<S3Driver> {
  const s3 = s3OptionsOf(options);
  const identity = options.accesskeyid === undefined ? { credentials: ramRoleKeys(setup.metadataUrl) } : {};
  const client = createS3Client(s3, setup.limits, { bucketEndpoint: true, ...identity, ...setup.client });
  const bucket = options.endpoint ?? bucketUrl(options);
  const addresses = { bucket, signed: options.redirectendpoint ?? bucket };
  return S3Driver.open(s3, { client, dialect: ALIBABA, addresses });
}

function bucketUrl({ bucket, region, internal, secure }: OssOptions): string {
  return `${secure ? 'https' : 'http'}://${bucket}.s3.oss-${region}${internal ? '-internal' : ''}.aliyuncs.com`;
}

const MIB = 1024 ** 2;

function s3OptionsOf(options: OssOptions): S3Options {
  return {
    bucket: options.bucket,
    region: options.region,
    ...(options.accesskeyid !== undefined && { accesskey: options.accesskeyid }),
    ...(options.accesskeysecret !== undefined && { secretkey: options.accesskeysecret }),
    forcepathstyle: false,
    usedualstack: false,
    usefipsendpoint: false,
    accelerate: false,
    encrypt: options.encrypt,
    ...(options.encryptionkeyid !== undefined && { keyid: options.encryptionkeyid }),
    chunksize: options.chunksize,
    // One call copies at most 1 GB: https://www.alibabacloud.com/help/en/oss/developer-reference/copyobject
    multipartcopychunksize: 32 * MIB,
    multipartcopymaxconcurrency: 10,
    multipartcopythresholdsize: 32 * MIB,
    rootdirectory: options.rootdirectory,
    storageclass: 'STANDARD',
    objectacl: 'private',
    objectownership: false,
    maxretries: 5,
    checksum_disabled: true,
    loglevel: 'off',
  };
}
