import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Duration } from '../constructs/index.ts';

const text = z.string();
const flag = z.boolean();

/** Any scalar: what is a duration is decided where it is used, with a message that names the unit. */
const duration = z.custom<Duration>(
  (value) => ['string', 'number'].includes(typeof value),
  'must be a duration, such as 5m',
);

const endpoint = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('own-domain'), domain: text }),
  z.strictObject({ mode: z.literal('port'), host: text, port: z.number() }),
]);

const certificate = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('files'), certificateFile: text, privateKeyFile: text }),
  z.strictObject({ mode: z.literal('secret'), secretArn: text, kmsKeyArn: text.exactOptional() }),
  z.strictObject({ mode: z.literal('self-signed'), validityDays: z.number().exactOptional() }),
  z.strictObject({ mode: z.literal('generated') }),
]);

const storage = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('bucket'),
    prefix: text.exactOptional(),
    regionEndpoint: text.exactOptional(),
    forcePathStyle: flag.exactOptional(),
    partSizeMiB: z.number().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('volume') }),
]);

const notification = z.strictObject({
  name: text,
  url: text,
  disabled: flag.exactOptional(),
  headers: z.record(text, z.array(text)).exactOptional(),
  timeout: duration.exactOptional(),
  threshold: z.number().exactOptional(),
  backoff: duration.exactOptional(),
  ignoredMediaTypes: z.array(text).exactOptional(),
  ignoredActions: z.array(z.enum(['pull', 'push', 'mount', 'delete'])).exactOptional(),
});

const grant = z.strictObject({
  users: z.array(text),
  repositories: z.array(text),
  actions: z.array(z.enum(['pull', 'push', 'delete'])).exactOptional(),
  catalog: flag.exactOptional(),
});

/**
 * Options of settings/aws.yml, which settings/aws.example.yml documents. The names are those of the constructs' props; here only
 * their shape is checked, and the constructs check the values.
 */
export const awsSettingsSchema = z.strictObject({
  region: text,
  image: text.default('dist/registry-image.oci.tar'),
  state: z
    .strictObject({ bucketName: text, region: text, key: text.default('container-registry.tfstate') })
    .exactOptional(),
  tags: z.record(text, text).exactOptional(),
  enabled: flag.exactOptional(),
  endpoint,
  hostedZoneId: text.exactOptional(),
  certificate,
  storage: storage.exactOptional(),
  bucketName: text.exactOptional(),
  noncurrentVersionDays: z.number().exactOptional(),
  kmsKeyArn: text.exactOptional(),
  existingBucket: z.strictObject({ bucketName: text, region: text, kmsKeyArn: text.exactOptional() }).exactOptional(),
  existingSubnetId: text.exactOptional(),
  existingIdentity: z.strictObject({ instanceProfileName: text, roleName: text }).exactOptional(),
  instanceType: text.exactOptional(),
  machineImageId: text.exactOptional(),
  rootDiskSizeGiB: z.number().exactOptional(),
  detailedMonitoring: flag.exactOptional(),
  dataVolumeSizeGiB: z.number().exactOptional(),
  allowedCidrs: z.array(text).exactOptional(),
  egressPorts: z.array(z.number()).exactOptional(),
  dataRemoval: z.enum(['keep', 'destroy']).exactOptional(),
  confirmDataLoss: flag.exactOptional(),
  internalPort: z.number().exactOptional(),
  redirect: z
    .strictObject({
      mode: z.enum(['redirect', 'proxy']).exactOptional(),
      expiry: duration.exactOptional(),
      publicEndpoint: text.exactOptional(),
      exceptCidrs: z.array(text).exactOptional(),
      exceptUserAgents: z.array(text).exactOptional(),
    })
    .exactOptional(),
  deletes: flag.exactOptional(),
  readOnly: flag.exactOptional(),
  garbageCollection: z
    .strictObject({
      schedule: text,
      timeZone: text.exactOptional(),
      deleteUntagged: flag.exactOptional(),
      dryRun: flag.exactOptional(),
    })
    .exactOptional(),
  uploadPurging: z
    .strictObject({
      enabled: flag.exactOptional(),
      age: duration.exactOptional(),
      interval: duration.exactOptional(),
    })
    .exactOptional(),
  notifications: z.array(notification).exactOptional(),
  tokens: z
    .strictObject({
      expiration: duration.exactOptional(),
      signingAlgorithm: z.enum(['ES256', 'RS256']).exactOptional(),
      keyId: z.enum(['rfc7638', 'libtrust']).exactOptional(),
    })
    .exactOptional(),
  initialUser: text.exactOptional(),
  access: z.array(grant).exactOptional(),
  anonymousPull: z.array(text).exactOptional(),
  relativeUrls: flag.exactOptional(),
  trustedProxies: z.array(text).exactOptional(),
  processes: z.union([z.literal('auto'), z.number()]).exactOptional(),
  drainTimeout: duration.exactOptional(),
  minimumTls: z.enum(['tls1.2', 'tls1.3']).exactOptional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).exactOptional(),
  accessLog: flag.exactOptional(),
});

export type AwsSettings = z.output<typeof awsSettingsSchema>;

/** The settings file of the AWS stack: what REGISTRY_AWS_SETTINGS names, or settings/aws.yml where there is one. */
export function findAwsSettings(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment['REGISTRY_AWS_SETTINGS'];
  if (named !== undefined && named !== '') return named;
  return existsSync('settings/aws.yml') ? 'settings/aws.yml' : undefined;
}
