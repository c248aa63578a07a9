import { z } from 'zod';
import { duration, httpUrl, reads } from './values.ts';

const endpoint = z.strictObject({
  name: z.string().min(1),
  url: httpUrl(),
  disabled: z.boolean().default(false),
  /** Sent with every notification, such as Authorization; each name has a list of values. */
  headers: z.record(z.string(), z.array(z.string())).default({}),
  /** How long the receiver may take to answer. */
  timeout: duration({ min: '1ms' }).prefault('500ms'),
  /** Failures in a row after which deliveries wait for `backoff`. */
  threshold: z.int().min(1).default(5),
  backoff: duration({ min: '1ms' }).prefault('1s'),
  /** GitLab's: attempts after which a notification is given up. */
  maxretries: z.int().min(0).optional(),
  /** GitLab's: notifications that wait in memory at most. */
  queuesizelimit: z.int().min(1).optional(),
  ignoredmediatypes: z.array(z.string()).default([]),
  ignore: z
    .strictObject({
      mediatypes: z.array(z.string()).default([]),
      actions: z.array(z.enum(['pull', 'push', 'mount', 'delete'])).default([]),
    })
    .prefault({}),
});

/** `notifications`: https://distribution.github.io/distribution/about/configuration/#notifications */
export const notificationsSchema = z
  .strictObject({
    events: z.strictObject({ includereferences: z.boolean().default(false) }).prefault({}),
    endpoints: z.array(endpoint).default([]),
    /** GitLab's: how long notifications are still delivered when the server stops. */
    fanouttimeout: duration().optional(),
  })
  .superRefine(({ endpoints }, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of endpoints.entries()) {
      if (seen.has(name)) {
        context.addIssue({
          code: 'custom',
          path: ['endpoints', index, 'name'],
          message: 'is the name of another endpoint too; give each its own',
        });
      }
      seen.add(name);
    }
  }, reads('endpoints.*.name'));
