import { z } from 'zod';
import { publicEndpoint } from './s3-schema.ts';
import { duration, httpUrl, only, reads } from './values.ts';

/** https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name */
const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;

/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names */
const CONTAINER_NAME = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const CREDENTIALS_TYPES = ['shared_key', 'client_secret', 'default_credentials'] as const;

/** Which keys each type of credentials has: the ones that it needs, then the ones that it may have. */
const CREDENTIALS: Readonly<
  Record<(typeof CREDENTIALS_TYPES)[number], readonly [needed: string[], optional: string[]]>
> = {
  shared_key: [['accountkey'], []],
  client_secret: [['credentials.clientid', 'credentials.tenantid', 'credentials.secret'], []],
  default_credentials: [[], ['credentials.clientid']],
};

const credentials = z.strictObject({
  /** Left out: shared_key with an accountkey, client_secret with a secret, or else the identity of the machine. */
  type: z.enum(CREDENTIALS_TYPES).optional(),
  /** Application of client_secret, or the user-assigned identity of default_credentials. */
  clientid: z.string().min(1).optional(),
  tenantid: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
});

/** https://distribution.github.io/distribution/storage-drivers/azure/, and what the registry of GitLab adds to it. */
export const azureSchema = z
  .strictObject({
    accountname: z.string().regex(ACCOUNT_NAME, 'must be the name of a storage account: 3 to 24 of a-z and 0-9'),
    accountkey: z
      .string()
      .min(1)
      .regex(BASE64, 'must be a key of the storage account as the portal shows it, in base64')
      .optional(),
    container: z
      .string()
      .regex(
        CONTAINER_NAME,
        'must be the name of a container: 3 to 63 of a-z, 0-9 and "-", no two "-" in a row; a folder goes into rootdirectory',
      ),
    credentials: credentials.prefault({}),
    /** Domain of the cloud. */
    realm: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a domain, such as core.windows.net or core.chinacloudapi.cn')
      .default('core.windows.net'),
    /** Endpoint of the account's blobs. Left out: https://<accountname>.blob.<realm>. */
    serviceurl: httpUrl().optional(),
    /** Scheme and host that clients reach the account by, where it is not the one that this server uses. */
    redirectendpoint: publicEndpoint().optional(),
    rootdirectory: z.string().default(''),
    /** Names begin with "/", as older registries of GitLab write them. */
    legacyrootprefix: z.boolean().optional(),
    trimlegacyrootprefix: z.boolean().optional(),
    /** Bytes of the first blocks of an upload. Ours. */
    chunksize: z
      .int()
      .min(5 * 1024 ** 2, 'must be at least 5242880 (5 MiB)')
      .max(100 * 1024 ** 2, 'must be at most 104857600 (100 MiB): three of these are in memory for each upload')
      .default(10 * 1024 ** 2),
    /** How often a call is tried again; -1 is never, as 0 is. */
    max_retries: z.int().min(-1, 'must be -1 (never), 0 or more').max(20, 'must be at most 20').default(5),
    /** Before the first repetition; it doubles with each one. */
    retry_delay: duration({ max: '1m' }).prefault('100ms'),
    max_retry_delay: duration({ min: '1ms', max: '5m' }).prefault('20s'),
    skipverify: only(
      false,
      'cannot be true: certificates are always verified; give a private CA in NODE_EXTRA_CA_CERTS',
    ),
    retry_try_timeout: z.string().optional(),
    copy_status_poll_max_retry: z.int().optional(),
    copy_status_poll_delay: z.string().optional(),
    apipoolinitialinterval: z.string().optional(),
    apipoolmaxinterval: z.string().optional(),
    apipoolmaxelapsedtime: z.string().optional(),
    debuglog: z.boolean().optional(),
    debuglogevents: z.string().optional(),
  })
  .superRefine(
    (options, context) => {
      const type = credentialsType(options);
      const [needed, optional] = CREDENTIALS[type];
      const values: Readonly<Record<string, unknown>> = {
        accountkey: options.accountkey,
        'credentials.clientid': options.credentials.clientid,
        'credentials.tenantid': options.credentials.tenantid,
        'credentials.secret': options.credentials.secret,
      };
      for (const [key, value] of Object.entries(values)) {
        const path = key.split('.');
        if (value === undefined && needed.includes(key)) {
          const message = `is missing: credentials of type ${type} need ${needed.join(', ')}; leave out all credentials to use the identity of the machine`;
          context.addIssue({ code: 'custom', path, message });
        } else if (value !== undefined && ![...needed, ...optional].includes(key)) {
          const message = `is not used by credentials of type ${type}; remove it, or change credentials.type`;
          context.addIssue({ code: 'custom', path, message });
        }
      }
    },
    reads('accountkey', 'credentials.type', 'credentials.clientid', 'credentials.tenantid', 'credentials.secret'),
  )
  .refine((options) => credentialsType(options) === 'shared_key' || !options.serviceurl?.startsWith('http:'), {
    ...reads('accountkey', 'credentials.type', 'credentials.secret', 'serviceurl'),
    path: ['serviceurl'],
    error: 'must be https:// without an accountkey: the tokens of an identity are sent over TLS only',
  })
  .refine(
    ({ legacyrootprefix, trimlegacyrootprefix }) =>
      legacyrootprefix === undefined || trimlegacyrootprefix === undefined || legacyrootprefix !== trimlegacyrootprefix,
    {
      ...reads('legacyrootprefix', 'trimlegacyrootprefix'),
      path: ['trimlegacyrootprefix'],
      error: 'says the opposite of legacyrootprefix; remove one of the two',
    },
  )
  .transform((options) => ({
    ...options,
    credentials: { ...options.credentials, type: credentialsType(options) },
    serviceurl: options.serviceurl ?? `https://${options.accountname}.blob.${options.realm}`,
    legacyrootprefix: options.legacyrootprefix ?? options.trimlegacyrootprefix === false,
  }));

function credentialsType(options: {
  readonly accountkey?: string | undefined;
  readonly credentials: z.output<typeof credentials>;
}): (typeof CREDENTIALS_TYPES)[number] {
  if (options.credentials.type !== undefined) return options.credentials.type;
  if (options.accountkey !== undefined) return 'shared_key';
  return options.credentials.secret === undefined ? 'default_credentials' : 'client_secret';
}
