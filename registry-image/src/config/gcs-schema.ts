import { z } from 'zod';
import { absolutePath, httpUrl, only, reads } from './values.ts';

/** https://cloud.google.com/storage/docs/buckets#naming */
const GCS_BUCKET_NAME = /^(?!goog)(?!\d+\.\d+\.\d+\.\d+$)(?=.{3,222}$)[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;

const CHUNK_UNIT = 256 * 1024;

/** What is in the key file of a service account: https://cloud.google.com/iam/docs/keys-create-delete */
const credentials = z.strictObject({
  type: z.literal('service_account', {
    error:
      'must be service_account; other kinds of credentials go into a file that GOOGLE_APPLICATION_CREDENTIALS names',
  }),
  client_email: z.string().min(1),
  /** PEM, with its line breaks. */
  private_key: z
    .string()
    .regex(/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n/, 'must be a private key in PEM, with its line breaks'),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  client_id: z.string().optional(),
  auth_uri: z.string().optional(),
  token_uri: z
    .enum(
      [
        'https://oauth2.googleapis.com/token',
        'https://accounts.google.com/o/oauth2/token',
        'https://www.googleapis.com/oauth2/v4/token',
      ],
      { error: 'must be https://oauth2.googleapis.com/token, where tokens are asked for' },
    )
    .optional(),
  auth_provider_x509_cert_url: z.string().optional(),
  client_x509_cert_url: z.string().optional(),
  universe_domain: only('googleapis.com', 'must be googleapis.com: keys of other universes are not served'),
});

/** https://distribution.github.io/distribution/storage-drivers/gcs/ */
export const gcsSchema = z
  .strictObject({
    bucket: z
      .string()
      .regex(
        GCS_BUCKET_NAME,
        'must be a bucket name: 3 to 222 of a-z, 0-9, "-", "_" and ".", not beginning with goog; a folder goes into rootdirectory',
      ),
    /** Key file of a service account. Left out, with `credentials`: Application Default Credentials, which is what to prefer. */
    keyfile: absolutePath().optional(),
    /** The content of a key file. */
    credentials: credentials.optional(),
    rootdirectory: z.string().default(''),
    /** Bytes of one part of a multipart upload: 5 MiB to 5 GiB, a multiple of 256 KiB. */
    chunksize: z
      .int()
      .min(5 * 1024 ** 2, 'must be at least 5242880 (5 MiB), the smallest part that Cloud Storage takes')
      .max(5 * 1024 ** 3, 'must be at most 5368709120 (5 GiB), the largest part that Cloud Storage takes')
      .multipleOf(CHUNK_UNIT, 'must be a multiple of 262144 (256 KiB)')
      .default(5 * 1024 ** 2),
    /** Calls to Cloud Storage at a time; a download counts until it begins. */
    maxconcurrency: z.int().min(1).default(50),
    useragent: z.string().min(1).default('cdktf-container-registry'),
    /** Where Cloud Storage is reached: its public name, a regional one, or that of Private Service Connect. */
    endpoint: httpUrl().default('https://storage.googleapis.com'),
    /** Scheme and host of signed URLs, where clients reach Cloud Storage by another name; left out: `endpoint`. */
    redirectendpoint: httpUrl().optional(),
    parallelwalk: z.boolean().optional(),
    debug_log: z.boolean().optional(),
  })
  .refine((options) => options.keyfile === undefined || options.credentials === undefined, {
    ...reads('keyfile', 'credentials'),
    path: ['credentials'],
    error: 'cannot be set beside keyfile; keep one of them, or leave out both to use the identity of the machine',
  });

export type GcsOptions = z.output<typeof gcsSchema>;
