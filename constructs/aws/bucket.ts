import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket/index.js';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration/index.js';
import { S3BucketOwnershipControls } from '@cdktf/provider-aws/lib/s3-bucket-ownership-controls/index.js';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy/index.js';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block/index.js';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration/index.js';
import { S3BucketVersioningA } from '@cdktf/provider-aws/lib/s3-bucket-versioning/index.js';
import { Construct } from 'constructs';
import { S3_BUCKET_NAME } from '../../registry-image/src/config/s3-schema.ts';
import { checkDataRemoval, type DataRemovalProps, mayDestroyData } from '../shared/data-removal.ts';
import { Faults } from '../shared/validation-error.ts';
import { type BucketGrantee, grantRead, grantReadWrite } from './bucket-grants.ts';
import type { IIdentity } from './identity.ts';

/** A bucket that registries keep images in. */
export interface IBucket {
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly region: string;
  /**
   * Lets the identity keep images below a folder: what distribution's S3 driver documents, and nothing more.
   *
   * @param prefix folder without slashes at its ends; empty for the top of the bucket
   */
  grantReadWrite(identity: IIdentity, prefix: string): void;
  /** Lets the identity download one object. */
  grantRead(identity: IIdentity, key: string): void;
}

export interface BucketAttributes {
  readonly bucketName: string;
  readonly region: string;
  /**
   * ARN of the KMS key that encrypts the bucket.
   *
   * @default - the bucket is encrypted with keys of S3
   */
  readonly kmsKeyArn?: string;
  /**
   * Partition of AWS that the bucket is in.
   *
   * @default 'aws'
   */
  readonly partition?: string;
}

export interface BucketProps extends DataRemovalProps {
  /**
   * 3 to 63 of a-z, 0-9, "." and "-". Changing this replaces the bucket.
   *
   * @default - a unique name that begins with `container-registry-`
   */
  readonly bucketName?: string;
  /**
   * ARN of a KMS key to encrypt with.
   *
   * @default - keys of S3 (SSE-S3)
   */
  readonly kmsKeyArn?: string;
  /**
   * Folder that registries use, without slashes at its ends.
   *
   * @default - the top of the bucket
   */
  readonly prefix?: string;
  /**
   * Days after which an upload that nobody has finished is removed by S3. Longer than the server's own `uploadPurging.age`.
   *
   * @default 8
   */
  readonly uploadExpiryDays?: number;
  /**
   * Days for which a deleted or overwritten object can be brought back.
   *
   * @default 30
   */
  readonly noncurrentVersionDays?: number;
}

/** A private, encrypted, versioned bucket that is reached over TLS alone, and that Terraform does not delete. */
export class Bucket extends Construct implements IBucket {
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly region: string;
  readonly #grantee: BucketGrantee;

  constructor(scope: Construct, id: string, props: BucketProps = {}) {
    super(scope, id);
    checkProps(this, props);
    const destroyable = mayDestroyData(props);
    const bucket = new S3Bucket(this, 'bucket', {
      ...(props.bucketName === undefined ? { bucketPrefix: 'container-registry-' } : { bucket: props.bucketName }),
      forceDestroy: destroyable,
      lifecycle: { preventDestroy: !destroyable },
    });
    this.bucketName = bucket.bucket;
    this.bucketArn = bucket.arn;
    this.region = bucket.region;
    this.#grantee = { bucketArn: bucket.arn, kmsKeyArn: props.kmsKeyArn };
    this.#makePrivate(bucket);
    this.#encrypt(bucket, props.kmsKeyArn);
    this.#keepVersions(bucket, props);
  }

  /** A bucket that exists already. Its encryption, versioning and lifecycle rules stay as they are. */
  static fromAttributes(attributes: BucketAttributes): IBucket {
    const bucketArn = `arn:${attributes.partition ?? 'aws'}:s3:::${attributes.bucketName}`;
    const grantee = { bucketArn, kmsKeyArn: attributes.kmsKeyArn };
    return {
      bucketName: attributes.bucketName,
      bucketArn,
      region: attributes.region,
      grantReadWrite: (identity, prefix) => grantReadWrite(grantee, identity, prefix),
      grantRead: (identity, key) => grantRead(grantee, identity, key),
    };
  }

  grantReadWrite(identity: IIdentity, prefix: string): void {
    grantReadWrite(this.#grantee, identity, prefix);
  }

  grantRead(identity: IIdentity, key: string): void {
    grantRead(this.#grantee, identity, key);
  }

  #makePrivate(bucket: S3Bucket): void {
    const ownership = new S3BucketOwnershipControls(this, 'ownership', {
      bucket: bucket.id,
      rule: { objectOwnership: 'BucketOwnerEnforced' },
    });
    const block = new S3BucketPublicAccessBlock(this, 'public-access-block', {
      bucket: bucket.id,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
      // S3 refuses two changes of the access settings of a bucket at the same time.
      dependsOn: [ownership],
    });
    const denied = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [bucket.arn, `${bucket.arn}/*`] };
    new S3BucketPolicy(this, 'policy', {
      bucket: bucket.id,
      policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Sid: 'DenyWithoutTls', ...denied, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
          { Sid: 'DenyOldTls', ...denied, Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } },
        ],
      }),
      dependsOn: [block],
    });
  }

  #encrypt(bucket: S3Bucket, kmsKeyArn: string | undefined): void {
    new S3BucketServerSideEncryptionConfigurationA(this, 'encryption', {
      bucket: bucket.id,
      rule: [
        {
          applyServerSideEncryptionByDefault:
            kmsKeyArn === undefined
              ? { sseAlgorithm: 'AES256' }
              : { sseAlgorithm: 'aws:kms', kmsMasterKeyId: kmsKeyArn },
          bucketKeyEnabled: kmsKeyArn !== undefined,
        },
      ],
    });
  }

  /**
   * Every upload ends as a copy and a delete, so versioning without expiry would keep each layer twice for good. The rule for
   * uploads names their one prefix (registry-image/src/storage/key-layout.ts), which no live object is below.
   */
  #keepVersions(bucket: S3Bucket, { prefix, uploadExpiryDays = 8, noncurrentVersionDays = 30 }: BucketProps): void {
    const versioning = new S3BucketVersioningA(this, 'versioning', {
      bucket: bucket.id,
      versioningConfiguration: { status: 'Enabled' },
    });
    new S3BucketLifecycleConfiguration(this, 'lifecycle', {
      bucket: bucket.id,
      rule: [
        {
          id: 'abort-abandoned-multipart-uploads',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: uploadExpiryDays }],
        },
        {
          id: 'expire-uploads-in-progress',
          status: 'Enabled',
          filter: [{ prefix: `${prefix === undefined ? '' : `${prefix}/`}uploads/` }],
          expiration: [{ days: uploadExpiryDays }],
        },
        {
          id: 'expire-noncurrent-versions',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          noncurrentVersionExpiration: [{ noncurrentDays: noncurrentVersionDays }],
        },
        {
          id: 'remove-expired-delete-markers',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          expiration: [{ expiredObjectDeleteMarker: true }],
        },
      ],
      dependsOn: [versioning],
    });
  }
}

function checkProps(scope: Construct, props: BucketProps): void {
  const faults = new Faults();
  const { bucketName, prefix, uploadExpiryDays, noncurrentVersionDays } = props;
  faults.check(
    'bucketName',
    bucketName,
    bucketName === undefined || S3_BUCKET_NAME.test(bucketName),
    'must be a bucket name alone: 3 to 63 of a-z, 0-9, "." and "-"; a folder goes into prefix',
  );
  faults.check('prefix', prefix, prefix === undefined || isFolder(prefix), FOLDER_RULE);
  for (const [prop, days] of Object.entries({ uploadExpiryDays, noncurrentVersionDays })) {
    const valid = days === undefined || (Number.isInteger(days) && days >= 1);
    faults.check(prop, days, valid, 'must be a whole number of days, 1 or more');
  }
  checkDataRemoval(props, faults);
  faults.throwIfAny(scope);
}

export const FOLDER_RULE = 'must be a folder such as registry or team/registry, without a slash at either end';

/** Letters that S3 lists as safe in keys (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html). */
export function isFolder(text: string): boolean {
  return /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(text);
}
