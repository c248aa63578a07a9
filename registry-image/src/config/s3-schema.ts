import { z } from 'zod';
import { httpUrl, notServed, only, reads } from './values.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const S3_BUCKET_NAME = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** https://distribution.github.io/distribution/storage-drivers/s3/ */
export const s3Schema = z
  .strictObject({
    bucket: z
      .string()
      .regex(
        S3_BUCKET_NAME,
        'must be a bucket name: 3 to 63 of a-z, 0-9, "." and "-"; a folder goes into rootdirectory',
      ),
    /** May be left out for a store with a regionendpoint, which hardly ever looks at it: us-east-1. */
    region: z.string().min(1).optional(),
    /** Left out: the identity of the machine (instance role, environment, shared file), which is what to prefer. */
    accesskey: z.string().min(1).optional(),
    secretkey: z.string().min(1).optional(),
    sessiontoken: z.string().min(1).optional(),
    /** Endpoint of an S3-compatible store or of a VPC endpoint. */
    regionendpoint: httpUrl().optional(),
    /** `endpoint/bucket/key` in place of `bucket.endpoint/key`; left out: where there is a regionendpoint, as in distribution. */
    forcepathstyle: z.boolean().optional(),
    encrypt: z.boolean().default(false),
    /** KMS key for `encrypt`; left out: AES256. */
    keyid: z.string().min(1).optional(),
    /** Bytes of one part of a multipart upload: 5 MiB to 5 GiB. */
    chunksize: z
      .int()
      .min(5 * 1024 ** 2, 'must be at least 5242880 (5 MiB), the smallest part that S3 takes')
      .max(5 * 1024 ** 3, 'must be at most 5368709120 (5 GiB), the largest part that S3 takes')
      .default(10 * 1024 ** 2),
    rootdirectory: z.string().default(''),
    storageclass: z
      .enum(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])
      .default('STANDARD'),
    /** The scheme of a regionendpoint that has none; false needs one. */
    secure: z.boolean().optional(),
    skipverify: only(
      false,
      'cannot be true: certificates are always verified; give a private CA in NODE_EXTRA_CA_CERTS',
    ),
    v4auth: only(true, 'cannot be false: requests are always signed with version 4'),
    redirectendpoint: notServed(
      'is not served: signed URLs name the regionendpoint; remove it, and set storage.redirect.disable where clients cannot reach that',
    ),
    accelerate: only(false, 'cannot be true: transfer acceleration is not served'),
    usedualstack: only(
      false,
      'cannot be true; set regionendpoint to https://s3.dualstack.<region>.amazonaws.com and forcepathstyle to false',
    ),
    usefipsendpoint: only(
      false,
      'cannot be true; set regionendpoint to https://s3-fips.<region>.amazonaws.com and forcepathstyle to false',
    ),
    objectacl: only(
      'private',
      'must be private: objects are written without an ACL, and the bucket decides who reads them',
    ),
    objectownership: z.boolean().optional(),
    multipartcopychunksize: z.int().optional(),
    multipartcopymaxconcurrency: z.int().optional(),
    multipartcopythresholdsize: z.int().optional(),
    maxrequestspersecond: z.int().optional(),
    maxretries: z.int().optional(),
    parallelwalk: z.boolean().optional(),
    checksum_disabled: z.boolean().optional(),
    checksum_algorithm: z.string().optional(),
    useragent: z.string().optional(),
    loglevel: z.string().optional(),
  })
  .superRefine(
    (options, context) => {
      if ((options.accesskey === undefined) !== (options.secretkey === undefined)) {
        context.addIssue({
          code: 'custom',
          path: [options.accesskey === undefined ? 'accesskey' : 'secretkey'],
          message: 'is missing: accesskey and secretkey go together; leave out both to use the identity of the machine',
        });
      }
    },
    reads('accesskey', 'secretkey'),
  )
  .refine((options) => options.keyid === undefined || options.encrypt, {
    ...reads('keyid', 'encrypt'),
    path: ['keyid'],
    error: 'has no effect without encrypt: true; set it too, or remove keyid',
  })
  .refine((options) => options.region !== undefined || options.regionendpoint !== undefined, {
    ...reads('region', 'regionendpoint'),
    path: ['region'],
    error: 'is missing; write the region of the bucket, such as eu-west-1',
  })
  .refine((options) => options.secure !== false || options.regionendpoint !== undefined, {
    ...reads('secure', 'regionendpoint'),
    path: ['secure'],
    error: 'cannot be false for AWS, which is asked over TLS only; remove it, or name a store in regionendpoint',
  })
  .transform((options) => ({
    ...options,
    region: options.region ?? 'us-east-1',
    forcepathstyle: options.forcepathstyle ?? options.regionendpoint !== undefined,
  }));
