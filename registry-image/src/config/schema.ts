import { z } from 'zod';
import { authSchema, tokenEndpointSchema } from './auth-schema.ts';
import { httpSchema } from './http-schema.ts';
import { notificationsSchema } from './notifications-schema.ts';
import { driversOnOwnHost } from './redirect-schema.ts';
import { storageSchema } from './storage-schema.ts';
import { absolutePath, cronSchedule, duration, notServed, reads, timeZone } from './values.ts';

/** Sections of distribution and of GitLab's registry that are accepted as they stand and read by nothing here: see warnings.ts. */
const ignored = z.unknown().optional();

const log = z.strictObject({
  level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  accesslog: z.strictObject({ disabled: z.boolean().default(false), formatter: ignored }).prefault({}),
  formatter: z.enum(['text', 'json', 'logstash', 'combined']).optional(),
  /** Put on every line. */
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  hooks: ignored,
  output: z.enum(['stdout', 'stderr']).optional(),
  reportcaller: ignored,
});

const index = z
  .strictObject({
    /** One file, for one machine. */
    sqlite: z.strictObject({ path: absolutePath() }).optional(),
    /** A database that several machines share. */
    postgresql: z
      .strictObject({
        /** postgresql://user:password@host:port/database */
        url: z.string().regex(/^postgres(ql)?:\/\//, 'must be a postgresql:// URL'),
        /** Connections per process. */
        poolsize: z.int().min(1).max(500).default(10),
      })
      .optional(),
  })
  .refine(({ sqlite, postgresql }) => sqlite === undefined || postgresql === undefined, {
    ...reads('sqlite', 'postgresql'),
    error: 'takes sqlite or postgresql, not both; remove one of them',
  });

const check = z.strictObject({
  enabled: z.boolean().default(true),
  interval: duration({ min: '1s' }).prefault('10s'),
  threshold: z.int().min(1).default(3),
});

const garbagecollection = z.strictObject({
  /** Five-field cron schedule. */
  schedule: cronSchedule(),
  timezone: timeZone().default('UTC'),
  /** Manifests without a tag go too, as `garbage-collect -m` does. */
  deleteuntagged: z.boolean().default(false),
  dryrun: z.boolean().default(false),
});

/**
 * The configuration file: distribution's `config.yml` (https://distribution.github.io/distribution/about/configuration/), so
 * that an existing file starts this server unchanged, with our own sections `index`, `tokenendpoint` and `garbagecollection`
 * beside it.
 */
export const configSchema = z
  .strictObject({
    version: z.union([z.literal(0.1), z.literal('0.1')], { error: 'must be 0.1, the version of this file format' }),
    log: log.prefault({}),
    storage: storageSchema,
    index: index.prefault({}),
    auth: authSchema.prefault({}),
    tokenendpoint: tokenEndpointSchema.optional(),
    http: httpSchema.prefault({}),
    notifications: notificationsSchema.prefault({}),
    garbagecollection: garbagecollection.optional(),
    health: z
      .strictObject({
        storagedriver: check.prefault({}),
        database: ignored,
        file: ignored,
        http: ignored,
        tcp: ignored,
      })
      .prefault({}),
    validation: z
      .strictObject({
        enabled: ignored,
        disabled: ignored,
        manifests: z
          .strictObject({
            urls: ignored,
            payloadsizelimit: ignored,
            referencelimit: ignored,
            indexes: z
              .strictObject({
                /** Whether the manifests that an index names must exist: all of them, none, or those of `platformlist`. */
                platforms: z.enum(['all', 'none', 'list']).default('all'),
                platformlist: z
                  .array(z.strictObject({ architecture: z.string(), os: z.string().default('linux') }))
                  .default([]),
              })
              .prefault({}),
          })
          .prefault({}),
      })
      .prefault({}),
    catalog: z.strictObject({ maxentries: z.int().min(1).default(1000) }).prefault({}),
    compatibility: z
      .strictObject({
        schema1: z
          .strictObject({ enabled: z.boolean().default(false), trustkey: ignored, signingkeyfile: ignored })
          .prefault({}),
      })
      .prefault({}),
    proxy: notServed(
      'is not served: this server is no pull-through cache; remove the section to start it as a registry',
    ),
    /** GitLab's metadata database. Where it is on, tags live in it alone, and would be missing here. */
    database: z
      .looseObject({
        enabled: z
          .literal(false, {
            error:
              "cannot be on: GitLab's metadata database is not read here, and tags that live in it alone would be missing",
          })
          .optional(),
      })
      .optional(),
    gc: ignored,
    middleware: ignored,
    migration: ignored,
    policy: ignored,
    profiling: ignored,
    rate_limiter: ignored,
    redis: ignored,
    reporting: ignored,
  })
  .refine(({ auth, tokenendpoint }) => tokenendpoint === undefined || auth.token !== undefined, {
    ...reads('auth.token', 'tokenendpoint'),
    path: ['tokenendpoint'],
    error: 'needs auth.token, whose realm, service and issuer it signs for',
  })
  .refine(
    ({ auth: { token }, tokenendpoint }) =>
      token === undefined ||
      tokenendpoint !== undefined ||
      token.rootcertbundle !== undefined ||
      token.jwks !== undefined,
    {
      ...reads('auth.token', 'tokenendpoint'),
      path: ['auth', 'token'],
      error: 'needs rootcertbundle or jwks to check tokens with, or tokenendpoint to issue them here',
    },
  )
  .refine(
    ({ auth: { token }, tokenendpoint }) =>
      !tokenendpoint || !token || token.signingalgorithms.includes(tokenendpoint.signingalgorithm),
    {
      ...reads('auth.token.signingalgorithms', 'tokenendpoint.signingalgorithm'),
      path: ['tokenendpoint', 'signingalgorithm'],
      error: 'is not in auth.token.signingalgorithms, so that the registry would refuse the tokens; add it there',
    },
  )
  .refine(({ storage, http }) => storage.inmemory === undefined || http.processes === 'auto' || http.processes === 1, {
    ...reads('storage.inmemory', 'http.processes'),
    path: ['http', 'processes'],
    error: 'must be 1 or auto with the driver inmemory: each process would have a storage of its own',
  })
  .refine(({ storage, http }) => http.accelredirect === undefined || storage.filesystem !== undefined, {
    ...reads('storage.filesystem', 'http.accelredirect'),
    path: ['http', 'accelredirect'],
    error:
      'needs the driver filesystem, whose files nginx can send; remove it, and let clients be redirected to the store',
  })
  .superRefine(
    (config, context) => {
      for (const driver of driversOnOwnHost(config)) {
        context.addIssue({
          code: 'custom',
          path: ['storage', driver, 'redirectendpoint'],
          message:
            'is on the host of http.host or below it, so that clients would send the store their token of the registry; ' +
            'give the store a host name beside that of the registry',
        });
      }
    },
    reads('storage.redirect', 'storage.*.redirectendpoint', 'http.host'),
  );

/** What a configuration file holds, before defaults: what the constructs write. */
export type ConfigInput = z.input<typeof configSchema>;

/** What the server works with: defaults filled in, durations in milliseconds, addresses parsed. */
export type Config = z.output<typeof configSchema>;
