import { z } from 'zod';
import { httpUrl, reads } from './values.ts';

const MIB = 1024 ** 2;

/** https://docs.openstack.org/swift/latest/overview_large_objects.html: what Swift takes as one object by default. */
const MAX_SEGMENT_BYTES = 5 * 1024 * MIB;

/** `v1`, `v1.0`, `v2.0` or `v3` as a part of a path. */
const VERSION_IN_PATH = /\/v([123])(?:\.\d+)?(?:\/|$)/;

/** Container names: https://docs.openstack.org/api-ref/object-store/#create-container */
const CONTAINER_NAME = /^(?!\.{1,2}$)[^/\0]{1,256}$/;

/** https://distribution.github.io/distribution/storage-drivers/swift/ (of distribution 2, version 3 has no Swift driver) */
export const swiftSchema = z
  .strictObject({
    /** Where tokens come from: https://keystone.example.com:5000/v3, …/v2.0, or …/auth/v1.0 of Swift's own users. */
    authurl: httpUrl(),
    /** Left out: as authurl says. */
    authversion: z.union([z.literal(1), z.literal(2), z.literal(3)], { error: 'must be 1, 2 or 3' }).optional(),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    /** Application credential of Keystone 3, in place of username and password; it brings its project with it. */
    applicationcredentialid: z.string().min(1).optional(),
    applicationcredentialsecret: z.string().min(1).optional(),
    /** Project, by name or by id. */
    tenant: z.string().min(1).optional(),
    tenantid: z.string().min(1).optional(),
    /** Domain of the user, by name or by id; left out: the domain whose id is `default`. */
    domain: z.string().min(1).optional(),
    domainid: z.string().min(1).optional(),
    /** Domain of the project; left out: that of the user. */
    tenantdomain: z.string().min(1).optional(),
    tenantdomainid: z.string().min(1).optional(),
    /** A trust that the user has been given, in place of a project. */
    trustid: z.string().min(1).optional(),
    /** Left out: the first region that has Swift. */
    region: z.string().min(1).optional(),
    endpointtype: z.enum(['public', 'internal', 'admin']).default('public'),
    insecureskipverify: z.boolean().default(false),
    /** Created when it does not exist. */
    container: z.string().regex(CONTAINER_NAME, 'must be the name of a container: at most 256 characters without "/"'),
    /** Stands before every name in the container: `<prefix>/files/…` and `<prefix>/segments/…`. */
    prefix: z
      .string()
      .refine(
        (prefix) => !prefix.split('/').some((part) => part === '.' || part === '..'),
        'must not have "." or ".." in it',
      )
      .default(''),
    /** Bytes of the first segments of a large object; they grow with it. */
    chunksize: z
      .int()
      .min(MIB, 'must be at least 1048576 (1 MiB)')
      .max(MAX_SEGMENT_BYTES, 'must be at most 5368709120 (5 GiB), which Swift takes as one object')
      .default(10 * MIB),
    /** Key of signed URLs (TempURL); left out: the one that the container or the account has, or a new one. */
    secretkey: z.string().min(1).optional(),
    /** Goes into signed URLs as `tenantid:accesskey:signature`, which HP's cloud asked for. */
    accesskey: z.string().min(1).optional(),
    /** Whether the key of signed URLs is the container's, not the account's; left out: as /info says. */
    tempurlcontainerkey: z.boolean().optional(),
    /** Methods that URLs can be signed for; left out: as /info says. */
    tempurlmethods: z.array(z.enum(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])).optional(),
    /** Scheme and host that clients reach Swift by, where it is not the one that this server uses. */
    redirectendpoint: httpUrl()
      .refine((url) => !URL.canParse(url) || url.replace(/\/$/, '') === new URL(url).origin, {
        error:
          'must be a scheme and a host, such as https://images.example.com; the path of the account stays as it is',
      })
      .optional(),
  })
  .refine((options) => versionOf(options) !== undefined, {
    ...reads('authurl', 'authversion'),
    path: ['authversion'],
    error: 'is missing: authurl has no /v1, /v2.0 or /v3 in it that would say it; write 1, 2 or 3',
  })
  .superRefine(
    (options, context) => {
      const [id, secret] = ['applicationcredentialid', 'applicationcredentialsecret'] as const;
      const isApplication = options[id] !== undefined || options[secret] !== undefined;
      const needed = isApplication ? ([id, secret] as const) : (['username', 'password'] as const);
      for (const key of needed) {
        if (options[key] !== undefined) continue;
        const message = isApplication
          ? `is missing: ${id} and ${secret} go together`
          : `is missing; write username and password, or ${id} and ${secret}`;
        context.addIssue({ code: 'custom', path: [key], message });
      }
    },
    reads('username', 'password', 'applicationcredentialid', 'applicationcredentialsecret'),
  )
  .superRefine(
    (options, context) => {
      const version = versionOf(options);
      if (version === undefined || version === 3) return;
      for (const key of ['trustid', 'applicationcredentialid', 'applicationcredentialsecret'] as const) {
        if (options[key] === undefined) continue;
        const message = `is known to version 3 of the identity API only, and this is version ${version}; remove it, or correct authurl`;
        context.addIssue({ code: 'custom', path: [key], message });
      }
      if (version === 1 && options.endpointtype !== 'public') {
        const message = 'must be public: version 1 of the identity API tells one URL of Swift only';
        context.addIssue({ code: 'custom', path: ['endpointtype'], message });
      }
    },
    reads(
      'authurl',
      'authversion',
      'trustid',
      'applicationcredentialid',
      'applicationcredentialsecret',
      'endpointtype',
    ),
  )
  .transform((options) => ({ ...options, authversion: versionOf(options) ?? 3 }));

function versionOf({ authurl, authversion }: { authurl: string; authversion?: 1 | 2 | 3 | undefined }) {
  if (authversion !== undefined) return authversion;
  if (!URL.canParse(authurl)) return undefined;
  const version = VERSION_IN_PATH.exec(new URL(authurl).pathname)?.[1];
  return version === undefined ? undefined : (Number(version) as 1 | 2 | 3);
}
