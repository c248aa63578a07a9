import { z } from 'zod';
import { absolutePath, duration, httpUrl } from './values.ts';

/** https://distribution.github.io/distribution/storage-drivers/filesystem/ */
const filesystem = z.strictObject({
  /** The directory that holds `docker/registry/v2`. */
  rootdirectory: absolutePath().default('/var/lib/registry'),
  /** Accepted for distribution's sake; Node's own thread pool does this work. */
  maxthreads: z.int().min(25, 'must be at least 25').optional(),
});

const S3_BUCKET = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** https://distribution.github.io/distribution/storage-drivers/s3/ */
const s3 = z
  .strictObject({
    bucket: z
      .string()
      .regex(S3_BUCKET, 'must be a bucket name: 3 to 63 of a-z, 0-9, "." and "-"; a folder goes into rootdirectory'),
    region: z.string().min(1),
    /** Left out: the identity of the machine (instance role, environment, shared file), which is what to prefer. */
    accesskey: z.string().min(1).optional(),
    secretkey: z.string().min(1).optional(),
    sessiontoken: z.string().min(1).optional(),
    /** Endpoint of an S3-compatible store or of a VPC endpoint. */
    regionendpoint: httpUrl().optional(),
    forcepathstyle: z.boolean().default(false),
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
  })
  .superRefine((options, context) => {
    if ((options.accesskey === undefined) !== (options.secretkey === undefined)) {
      context.addIssue({
        code: 'custom',
        path: [options.accesskey === undefined ? 'accesskey' : 'secretkey'],
        message: 'accesskey and secretkey go together; leave out both to use the identity of the machine',
      });
    }
    if (options.keyid !== undefined && !options.encrypt) {
      context.addIssue({ code: 'custom', path: ['keyid'], message: 'has no effect without encrypt: true' });
    }
  });

const inmemory = z.strictObject({});

const DRIVERS = ['filesystem', 's3', 'inmemory'] as const;
const OTHER_DRIVERS = ['gcs', 'azure', 'swift', 'oss'] as const;

const uploadpurging = z.strictObject({
  enabled: z.boolean().default(true),
  /** Uploads in progress that nobody has touched for this long are removed. */
  age: duration({ min: '1h' }).prefault('168h'),
  interval: duration({ min: '1m' }).prefault('24h'),
  dryrun: z.boolean().default(false),
});

const options = z.strictObject({
  filesystem: filesystem.optional(),
  s3: s3.optional(),
  inmemory: inmemory.optional(),
  delete: z.strictObject({ enabled: z.boolean().default(false) }).prefault({}),
  redirect: z
    .strictObject({
      disable: z.boolean().default(false),
      /** How long a signed URL is good for. */
      expirydelay: duration({ min: '1m', max: '168h' }).prefault('20m'),
    })
    .prefault({}),
  cache: z
    .strictObject({
      blobdescriptor: z.enum(['inmemory', 'redis']).optional(),
      blobdescriptorsize: z.int().min(0).default(10_000),
    })
    .prefault({}),
  maintenance: z
    .strictObject({
      uploadpurging: uploadpurging.prefault({}),
      readonly: z.strictObject({ enabled: z.boolean().default(false) }).prefault({}),
    })
    .prefault({}),
  tag: z.strictObject({ concurrencylimit: z.int().min(1).optional() }).optional(),
});

/** `storage`: exactly one driver, and what holds for all of them. */
export const storageSchema = z
  .preprocess((value) => {
    if (typeof value === 'string') return { [value]: {} };
    if (value === null || typeof value !== 'object') return value;
    // YAML writes a driver without options as `inmemory:`, which is null.
    return Object.fromEntries(Object.entries(value).map(([key, options]) => [key, options ?? {}]));
  }, options)
  .superRefine((storage, context) => {
    const chosen = DRIVERS.filter((name) => storage[name] !== undefined);
    if (chosen.length !== 1) {
      context.addIssue({
        code: 'custom',
        message: `needs exactly one driver of ${DRIVERS.join(', ')}; ${chosen.length === 0 ? 'none is' : `${chosen.join(' and ')} are`} set (${OTHER_DRIVERS.join(', ')} are not served by this version)`,
      });
    }
  });
