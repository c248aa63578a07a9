import type { AllowStatement, IIdentity } from './identity.ts';

/** What a policy must name to give access to a bucket. */
export interface BucketGrantee {
  readonly bucketArn: string;
  readonly kmsKeyArn: string | undefined;
}

/**
 * The permissions of distribution's S3 driver (https://distribution.github.io/distribution/storage-drivers/s3/#s3-permission-scopes),
 * on the two prefixes that the server writes. `ListBucket` is what makes S3 answer 404 instead of 403 for an object that is not there.
 */
export function grantReadWrite({ bucketArn, kmsKeyArn }: BucketGrantee, identity: IIdentity, prefix: string): void {
  const folder = prefix === '' ? '' : `${prefix}/`;
  identity.allow('images', [
    {
      sid: 'Bucket',
      actions: ['s3:ListBucket', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
      resources: [bucketArn],
    },
    {
      sid: 'Objects',
      actions: [
        's3:PutObject',
        's3:GetObject',
        's3:DeleteObject',
        's3:ListMultipartUploadParts',
        's3:AbortMultipartUpload',
      ],
      resources: [`${bucketArn}/${folder}docker/*`, `${bucketArn}/${folder}uploads/*`],
    },
    ...keyStatements(kmsKeyArn, ['kms:Decrypt', 'kms:GenerateDataKey']),
  ]);
}

/** The right to download one object, which the holder cannot change. */
export function grantRead({ bucketArn, kmsKeyArn }: BucketGrantee, identity: IIdentity, key: string): void {
  identity.allow('image-archive', [
    { sid: 'Archive', actions: ['s3:GetObject'], resources: [`${bucketArn}/${key}`] },
    ...keyStatements(kmsKeyArn, ['kms:Decrypt']),
  ]);
}

function keyStatements(kmsKeyArn: string | undefined, actions: readonly string[]): readonly AllowStatement[] {
  return kmsKeyArn === undefined ? [] : [{ sid: 'Key', actions, resources: [kmsKeyArn] }];
}
