import { z } from 'zod';
import { azureSchema } from './azure-schema.ts';
import { gcsSchema } from './gcs-schema.ts';
import { ossSchema } from './oss-schema.ts';
import { redirectSchema } from './redirect-schema.ts';
import { s3Schema } from './s3-schema.ts';
import { swiftSchema } from './swift-schema.ts';
import { absolutePath, duration, reads } from './values.ts';

/** https://distribution.github.io/distribution/storage-drivers/filesystem/ */
const filesystem = z.strictObject({
  /** The directory that holds `docker/registry/v2`. */
  rootdirectory: absolutePath().default('/var/lib/registry'),
  /** File operations at once in each process; left out: the 4 of Node.js. */
  maxthreads: z.int().min(1, 'must be at least 1').max(1024, 'must be at most 1024').optional(),
});

const inmemory = z.strictObject({});

const DRIVERS = ['filesystem', 's3', 'gcs', 'azure', 'swift', 'oss', 'inmemory'] as const;

const uploadpurging = z.strictObject({
  enabled: z.boolean().default(true),
  /** Uploads in progress that nobody has touched for this long are removed. */
  age: duration({ min: '1h' }).prefault('168h'),
  interval: duration({ min: '1m' }).prefault('24h'),
  dryrun: z.boolean().default(false),
});

/** `storage`: exactly one driver, and what holds for all of them. */
export const storageSchema = z
  .strictObject({
    filesystem: filesystem.optional(),
    s3: s3Schema.optional(),
    gcs: gcsSchema.optional(),
    azure: azureSchema.optional(),
    swift: swiftSchema.optional(),
    oss: ossSchema.optional(),
    inmemory: inmemory.optional(),
    delete: z.strictObject({ enabled: z.boolean().default(false) }).prefault({}),
    redirect: redirectSchema.prefault({}),
    cache: z
      .strictObject({
        blobdescriptor: z.enum(['inmemory', 'redis']).optional(),
        blobdescriptorsize: z.int().optional(),
      })
      .prefault({}),
    maintenance: z
      .strictObject({
        uploadpurging: uploadpurging.prefault({}),
        readonly: z.strictObject({ enabled: z.boolean().default(false) }).prefault({}),
      })
      .prefault({}),
    tag: z.strictObject({ concurrencylimit: z.int().optional() }).optional(),
  })
  .superRefine((storage, context) => {
    const chosen = DRIVERS.filter((name) => storage[name] !== undefined);
    if (chosen.length !== 1) {
      context.addIssue({
        code: 'custom',
        message: `needs exactly one driver of ${DRIVERS.join(', ')}; ${chosen.length === 0 ? 'none is' : `${chosen.join(' and ')} are`} set`,
      });
    }
  }, reads());
