import { describe, expect, test } from '@jest/globals';
import { Bucket, type BucketProps, Identity } from '../../../constructs/index.ts';
import { faultOf, only, synth } from './support.ts';

const bucketStack = (props: BucketProps = {}) => synth((stack) => new Bucket(stack, 'images', props));

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: string[];
  readonly Condition?: unknown;
}

function statements(resource: Readonly<Record<string, unknown>>): readonly Statement[] {
  return JSON.parse(resource['policy'] as string).Statement;
}

describe('a bucket', () => {
  test('is private, owned by its account and encrypted', () => {
    const stack = bucketStack();
    expect(only(stack, 'aws_s3_bucket_public_access_block')).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(only(stack, 'aws_s3_bucket_ownership_controls')).toMatchObject({
      rule: { object_ownership: 'BucketOwnerEnforced' },
    });
    expect(only(stack, 'aws_s3_bucket_server_side_encryption_configuration')).toMatchObject({
      rule: [{ apply_server_side_encryption_by_default: { sse_algorithm: 'AES256' } }],
    });
  });

  test('is encrypted with a key of KMS by option', () => {
    const kmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1';
    expect(only(bucketStack({ kmsKeyArn }), 'aws_s3_bucket_server_side_encryption_configuration')).toMatchObject({
      rule: [
        {
          apply_server_side_encryption_by_default: { sse_algorithm: 'aws:kms', kms_master_key_id: kmsKeyArn },
          bucket_key_enabled: true,
        },
      ],
    });
  });

  test('refuses requests without TLS 1.2', () => {
    expect(statements(only(bucketStack(), 'aws_s3_bucket_policy'))).toMatchObject([
      { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { Effect: 'Deny', Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } },
    ]);
  });

  test('keeps versions, and lets go of what nobody can want', () => {
    const stack = bucketStack({ prefix: 'team/registry', uploadExpiryDays: 3, noncurrentVersionDays: 7 });
    expect(only(stack, 'aws_s3_bucket_versioning')).toMatchObject({ versioning_configuration: { status: 'Enabled' } });
    expect(only(stack, 'aws_s3_bucket_lifecycle_configuration')['rule']).toMatchObject([
      { filter: [{ prefix: '' }], abort_incomplete_multipart_upload: [{ days_after_initiation: 3 }] },
      { filter: [{ prefix: 'team/registry/uploads/' }], expiration: [{ days: 3 }] },
      { filter: [{ prefix: '' }], noncurrent_version_expiration: [{ noncurrent_days: 7 }] },
      { filter: [{ prefix: '' }], expiration: [{ expired_object_delete_marker: true }] },
    ]);
  });

  test('is kept by Terraform, whatever happens to the stack', () => {
    expect(only(bucketStack(), 'aws_s3_bucket')).toMatchObject({
      force_destroy: false,
      lifecycle: { prevent_destroy: true },
    });
  });

  test('can be deleted once both props say so', () => {
    const stack = bucketStack({ dataRemoval: 'destroy', confirmDataLoss: true });
    expect(only(stack, 'aws_s3_bucket')).toMatchObject({ force_destroy: true, lifecycle: { prevent_destroy: false } });
  });

  test.each([
    ['dataRemoval is destroy alone', { dataRemoval: 'destroy' }, 'set confirmDataLoss: true as well'],
    ['confirmDataLoss is set alone', { confirmDataLoss: true }, "set dataRemoval: 'destroy' as well"],
    ['the name has a slash', { bucketName: 'images/team' }, 'bucketName = "images/team": must be a bucket name alone'],
    ['the prefix begins with a slash', { prefix: '/team' }, 'prefix = "/team": must be a folder'],
    ['days are no whole number', { uploadExpiryDays: 0.5 }, 'uploadExpiryDays = 0.5'],
  ] as [string, BucketProps, string][])('fails when %s', (_, props, message) => {
    const fault = faultOf(() => bucketStack(props));
    expect(fault).toContain('stack/images has a fault in its props');
    expect(fault).toContain(message);
  });
});

describe('an identity with images in a bucket', () => {
  const grants = (kmsKeyArn?: string) =>
    synth((stack) => {
      const bucket = Bucket.fromAttributes({
        bucketName: 'images',
        region: 'eu-central-1',
        ...(kmsKeyArn !== undefined && { kmsKeyArn }),
      });
      bucket.grantReadWrite(new Identity(stack, 'identity'), 'team');
    });

  test('may do what the S3 driver documents, on its own prefixes, and nothing more', () => {
    expect(statements(only(grants(), 'aws_iam_role_policy'))).toEqual([
      {
        Sid: 'Bucket',
        Effect: 'Allow',
        Action: ['s3:ListBucket', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
        Resource: ['arn:aws:s3:::images'],
      },
      {
        Sid: 'Objects',
        Effect: 'Allow',
        Action: [
          's3:PutObject',
          's3:GetObject',
          's3:DeleteObject',
          's3:ListMultipartUploadParts',
          's3:AbortMultipartUpload',
        ],
        Resource: ['arn:aws:s3:::images/team/docker/*', 'arn:aws:s3:::images/team/uploads/*'],
      },
    ]);
  });

  test('may use the key that encrypts the bucket', () => {
    const kmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1';
    expect(statements(only(grants(kmsKeyArn), 'aws_iam_role_policy'))).toContainEqual({
      Sid: 'Key',
      Effect: 'Allow',
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: [kmsKeyArn],
    });
  });

  test('is a role for EC2 alone', () => {
    const role = only(grants(), 'aws_iam_role');
    expect(JSON.parse(role['assume_role_policy'] as string).Statement).toEqual([
      { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } },
    ]);
  });

  test('that exists already gets the same grants', () => {
    const stack = synth((scope) => {
      const identity = Identity.fromAttributes(scope, 'identity', { instanceProfileName: 'p', roleName: 'r' });
      Bucket.fromAttributes({ bucketName: 'images', region: 'eu-central-1' }).grantRead(identity, 'images/a.tar');
    });
    expect(stack.resource['aws_iam_role']).toBeUndefined();
    expect(only(stack, 'aws_iam_role_policy')).toMatchObject({ role: 'r' });
  });
});
