import { z } from 'zod';
import { httpUrl, only, reads } from './values.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const S3_BUCKET_NAME = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** A bucket by its name; what is said of one that has a folder in it. */
export function bucketName() {
  return z
    .string()
    .regex(S3_BUCKET_NAME, 'must be a bucket name: 3 to 63 of a-z, 0-9, "." and "-"; a folder goes into rootdirectory');
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Bytes of one part: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export function partBytes(fallback: number) {
  return z
    .int()
    .min(5 * MIB, 'must be at least 5242880 (5 MiB), the smallest part that S3 takes')
    .max(5 * GIB, 'must be at most 5368709120 (5 GiB), the largest part that S3 takes')
    .default(fallback);
}

/** An endpoint that clients are sent to: nothing but scheme, host and port. */
export function publicEndpoint() {
  return httpUrl().refine((value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url === undefined || (url.pathname === '/' && url.search === '' && url.hash === '');
  }, 'must be scheme, host and port only, such as https://s3.example.com');
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl */
const CANNED_ACLS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const;

/** What no store but AWS has, and the SDK does not combine with an endpoint of one's own. */
const AWS_ENDPOINTS = ['accelerate', 'usedualstack', 'usefipsendpoint'] as const;

/** distribution's words (https://distribution.github.io/distribution/storage-drivers/s3/), and GitLab's list of several. */
const LOG_LEVEL =
  /^(off|debug|debugwith(signing|httpbody|requestretries|requesterrors|eventstreambody))$|^log\w+(,log\w+)*$/;

/** https://distribution.github.io/distribution/storage-drivers/s3/ */
export const s3Schema = z
  .strictObject({
    bucket: bucketName(),
    /** May be left out for a store with a regionendpoint, which hardly ever looks at it: us-east-1. */
    region: z.string().min(1).optional(),
    /** Left out: the identity of the machine (instance role, environment, shared file), which is what to prefer. */
    accesskey: z.string().min(1).optional(),
    secretkey: z.string().min(1).optional(),
    /** Of temporary credentials, which end some time: nothing here renews it. */
    sessiontoken: z.string().min(1).optional(),
    /** Endpoint of an S3-compatible store or of a VPC endpoint. */
    regionendpoint: httpUrl().optional(),
    /** Endpoint that signed URLs name, where clients do not reach the one that the registry uses. */
    redirectendpoint: publicEndpoint().optional(),
    /** `endpoint/bucket/key` in place of `bucket.endpoint/key`; left out: where there is a regionendpoint, as in distribution. */
    forcepathstyle: z.boolean().optional(),
    /** Endpoints of AWS with IPv6 and IPv4. */
    usedualstack: z.boolean().default(false),
    /** Endpoints of AWS with cryptography as FIPS 140 asks for. */
    usefipsendpoint: z.boolean().default(false),
    /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html; the bucket must have it enabled. */
    accelerate: z.boolean().default(false),
    encrypt: z.boolean().default(false),
    /** KMS key for `encrypt`; left out: AES256. */
    keyid: z.string().min(1).optional(),
    /** Bytes of one part of a multipart upload: 5 MiB to 5 GiB. */
    chunksize: partBytes(10 * MIB),
    /** Bytes of one part when a large object is copied inside the bucket. */
    multipartcopychunksize: partBytes(32 * MIB),
    /** Parts of one object that are copied at the same time. */
    multipartcopymaxconcurrency: z.int().min(1).max(1000).default(100),
    /** Bytes of the largest object that is copied in one call. */
    multipartcopythresholdsize: z
      .int()
      .min(0)
      .max(5 * GIB, 'must be at most 5368709120 (5 GiB), the most that S3 copies in one call')
      .default(32 * MIB),
    rootdirectory: z.string().default(''),
    storageclass: z
      .enum(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])
      .default('STANDARD'),
    /** Canned ACL of new objects; `private` is what objects without one have, and is not sent. */
    objectacl: z.enum(CANNED_ACLS).default('private'),
    /** Whether the bucket has ACLs disabled: none is sent then. */
    objectownership: z.boolean().default(false),
    /** Times that a call is made again after a failure that may pass. */
    maxretries: z.int().min(0).max(50).default(5),
    /** Calls of one process to the store in a second; left out: as many as there are. */
    maxrequestspersecond: z.int().min(1).optional(),
    /** Checksum that is sent with each object and part, in a header; left out: none, which every store understands. */
    checksum_algorithm: z.enum(['CRC32', 'CRC32C', 'SHA1', 'SHA256', 'CRC64NVME']).optional(),
    /** Wins over checksum_algorithm. */
    checksum_disabled: z.boolean().default(false),
    /** Added to the user agent of the SDK. */
    useragent: z.string().min(1).optional(),
    /** Anything but off: one line in the log for each call. */
    loglevel: z
      .string()
      .regex(LOG_LEVEL, 'must be off or debug (debugwithsigning and the like mean debug)')
      .default('off'),
    /** The scheme of a regionendpoint that has none; false needs one. */
    secure: z.boolean().optional(),
    skipverify: only(
      false,
      'cannot be true: certificates are always verified; give a private CA in NODE_EXTRA_CA_CERTS',
    ),
    v4auth: only(true, 'cannot be false: requests are always signed with version 4'),
    parallelwalk: z.boolean().optional(),
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
  .refine((options) => options.sessiontoken === undefined || options.accesskey !== undefined, {
    ...reads('sessiontoken', 'accesskey'),
    path: ['sessiontoken'],
    error: 'has no effect without accesskey and secretkey; set them too, or remove it',
  })
  .refine((options) => options.keyid === undefined || options.encrypt, {
    ...reads('keyid', 'encrypt'),
    path: ['keyid'],
    error: 'has no effect without encrypt: true; set it too, or remove keyid',
  })
  .refine((options) => options.region !== undefined || isOfAnotherStore(options.regionendpoint), {
    ...reads('region', 'regionendpoint'),
    path: ['region'],
    error: 'is missing; write the region of the bucket, such as eu-west-1',
  })
  .refine((options) => options.secure !== false || options.regionendpoint !== undefined, {
    ...reads('secure', 'regionendpoint'),
    path: ['secure'],
    error: 'cannot be false for AWS, which is asked over TLS only; remove it, or name a store in regionendpoint',
  })
  .superRefine(
    (options, context) => {
      for (const key of AWS_ENDPOINTS.filter((name) => options[name] && options.regionendpoint !== undefined)) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'cannot be true together with regionendpoint, which names the endpoint already; remove one of them',
        });
      }
    },
    reads('regionendpoint', ...AWS_ENDPOINTS),
  )
  .superRefine(
    (options, context) => {
      if (!options.accelerate) return;
      const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (options.usefipsendpoint)
        refuse('accelerate', 'cannot be true together with usefipsendpoint; remove one of them');
      if (options.forcepathstyle === true)
        refuse('forcepathstyle', 'cannot be true together with accelerate; remove it');
      if (options.bucket.includes('.')) refuse('accelerate', 'cannot be true for a bucket with a dot in its name');
    },
    reads('bucket', 'accelerate', 'usefipsendpoint', 'forcepathstyle'),
  )
  .refine((options) => !options.objectownership || options.objectacl === 'private', {
    ...reads('objectownership', 'objectacl'),
    path: ['objectacl'],
    error: 'cannot be set where objectownership says that the bucket takes no ACLs; remove one of them',
  })
  .transform((options) => ({
    ...options,
    region: options.region ?? 'us-east-1',
    forcepathstyle: options.forcepathstyle ?? options.regionendpoint !== undefined,
  }));

/** Whether an endpoint is not one of AWS, whose signatures name a region. */
function isOfAnotherStore(endpoint: string | undefined): boolean {
  return endpoint !== undefined && !/\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname);
}
