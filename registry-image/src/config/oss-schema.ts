import { z } from 'zod';
import { bucketName, partBytes, publicEndpoint } from './s3-schema.ts';
import { reads } from './values.ts';

/** Alibaba Cloud OSS, with the options of distribution 2.8: https://github.com/distribution/distribution/blob/v2.8.3/docs/storage-drivers/oss.md */
export const ossSchema = z
  .strictObject({
    bucket: bucketName(),
    /** With or without `oss-` before it, as in cn-hangzhou. */
    region: z
      .string()
      .regex(/^(oss-)?[a-z]+(-[a-z0-9]+)+$/, 'must be a region of Alibaba Cloud, such as cn-hangzhou')
      .transform((region) => region.replace(/^oss-/, '')),
    /** Left out: the RAM role of the instance, which is what to prefer. */
    accesskeyid: z.string().min(1).optional(),
    accesskeysecret: z.string().min(1).optional(),
    /** The host that is the bucket, such as a domain of one's own; left out: `<bucket>.s3.oss-<region>.aliyuncs.com`. */
    endpoint: publicEndpoint().optional(),
    /** Whether the registry is inside the network of Alibaba Cloud: `oss-<region>-internal`. */
    internal: z.boolean().default(false),
    /** The host in signed URLs, where clients do not reach the one that the registry uses. */
    redirectendpoint: publicEndpoint().optional(),
    encrypt: z.boolean().default(false),
    /** Key of the key service for `encrypt`; left out: AES256. */
    encryptionkeyid: z.string().min(1).optional(),
    /** Whether the store is asked over TLS. */
    secure: z.boolean().default(true),
    /** Bytes of the first parts of an upload. */
    chunksize: partBytes(10 * 1024 ** 2),
    rootdirectory: z.string().default(''),
  })
  .superRefine(
    (options, context) => {
      if ((options.accesskeyid === undefined) !== (options.accesskeysecret === undefined)) {
        context.addIssue({
          code: 'custom',
          path: [options.accesskeyid === undefined ? 'accesskeyid' : 'accesskeysecret'],
          message:
            'is missing: accesskeyid and accesskeysecret go together; leave out both to use the RAM role of the instance',
        });
      }
    },
    reads('accesskeyid', 'accesskeysecret'),
  )
  .refine((options) => options.encryptionkeyid === undefined || options.encrypt, {
    ...reads('encryptionkeyid', 'encrypt'),
    path: ['encryptionkeyid'],
    error: 'has no effect without encrypt: true; set it too, or remove encryptionkeyid',
  })
  .refine(({ endpoint, bucket }) => endpoint === undefined || isOfBucket(endpoint, bucket), {
    ...reads('endpoint', 'bucket'),
    path: ['endpoint'],
    error:
      'must have the name of the bucket in front, as in https://images.s3.oss-cn-hangzhou.aliyuncs.com; or remove it',
  })
  .refine((options) => options.endpoint === undefined || !options.internal, {
    ...reads('endpoint', 'internal'),
    path: ['internal'],
    error: 'has no effect beside endpoint, which names the host already; remove one of them',
  });

/** Hosts of the service name the bucket; a domain of one's own is given to one bucket. */
function isOfBucket(endpoint: string, bucket: string): boolean {
  const { hostname } = new URL(endpoint);
  return !hostname.endsWith('.aliyuncs.com') || hostname.startsWith(`${bucket}.`);
}
