import { z } from 'zod';
import { absolutePath, duration, httpUrl, notServed, reads } from './values.ts';

/** Signature algorithms taken for tokens; symmetric ones and `none` never are. */
export const SIGNING_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'EdDSA'] as const;

const token = z.strictObject({
  /** URL of the token endpoint, as clients reach it; ends in /jwt/auth for the endpoint of this image. */
  realm: httpUrl(),
  service: z.string().min(1),
  issuer: z.string().min(1),
  /** PEM: certificates, or public keys, that tokens may be signed with. */
  rootcertbundle: absolutePath().optional(),
  /** File with a JSON Web Key Set (RFC 7517) that tokens may be signed with. */
  jwks: absolutePath().optional(),
  signingalgorithms: z
    .array(
      z.enum(SIGNING_ALGORITHMS, {
        error: `must be one of ${SIGNING_ALGORITHMS.join(', ')}; symmetric algorithms (HS…) would let whoever can check a token make one`,
      }),
    )
    .min(1, 'needs at least one algorithm')
    .default(['ES256', 'RS256']),
  /** The realm is made from the Host header of the request, for registries that are reached by several names. */
  autoredirect: z.boolean().default(false),
  /** Path of that realm; left out: /jwt/auth with a tokenendpoint, else distribution's /auth/token. */
  autoredirectpath: z.string().startsWith('/').optional(),
});

/** `auth`: https://distribution.github.io/distribution/about/configuration/#auth */
export const authSchema = z
  .strictObject({
    token: token.optional(),
    htpasswd: z.strictObject({ realm: z.string().min(1), path: absolutePath() }).optional(),
    /** Says that no login is meant, and silences the warning about it. */
    none: z.strictObject({}).optional(),
    silly: notServed(
      'is not served, since it lets everybody in; use token or htpasswd, or none for a registry without login',
    ),
  })
  .superRefine((auth, context) => {
    const chosen = Object.entries(auth).flatMap(([name, options]) => (options === undefined ? [] : [name]));
    if (chosen.length > 1) {
      context.addIssue({
        code: 'custom',
        message: `takes one way to log in, not ${chosen.join(' and ')}; remove all but one`,
      });
    }
  }, reads('silly'));

export const REPOSITORY_ACTIONS = ['pull', 'push', 'delete'] as const;

/**
 * A pattern of repository names: literal text in which `*` is any run of characters except `/`, and `**` any run at all.
 */
const repositoryPattern = z
  .string()
  .regex(
    /^[a-z0-9*]([a-z0-9._/*-]*[a-z0-9*])?$/,
    'must be a repository name, lower case, in which * stands for one path component or part of it and ** for any number',
  );

const grant = z.strictObject({
  /** Names from the user file, `*` for everyone who has logged in, or `anonymous` for everyone at all. */
  users: z.array(z.string().min(1)).min(1),
  repositories: z.array(repositoryPattern).default([]),
  actions: z.array(z.enum(REPOSITORY_ACTIONS)).default(['pull']),
  /** May list every repository through /v2/_catalog. */
  catalog: z.boolean().default(false),
});

/**
 * `tokenendpoint`: the token endpoint of this image at /jwt/auth. It signs for the issuer and the service of `auth.token`.
 * Ours, not distribution's.
 */
export const tokenEndpointSchema = z.strictObject({
  /** Users, as `htpasswd -B` writes them: one `name:bcrypt-hash` a line. Read again when the file changes. */
  htpasswd: absolutePath(),
  /** Made on first start when the user file does not exist: a user with a random password, which is put into a file. */
  initialuser: z
    .strictObject({
      name: z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/, 'must have 1 to 64 of letters, digits and . _ @ -'),
      passwordfile: absolutePath(),
    })
    .optional(),
  /** PEM (PKCS #8, SEC 1 or PKCS #1), mode 0600; made on first start when it does not exist. Its certificate is `<privatekey>.crt`. */
  privatekey: absolutePath(),
  signingalgorithm: z.enum(['ES256', 'RS256']).default('ES256'),
  /** `kid` of a token: the thumbprint of RFC 7638, or libtrust's fingerprint, which distribution 2.x looks for. */
  keyid: z.enum(['rfc7638', 'libtrust']).default('rfc7638'),
  /** How long a token is good for. */
  expiration: duration({ min: '60s', max: '24h' }).prefault('5m'),
  /** Union of what is allowed; left out: whoever has logged in may do everything, and nobody else anything. */
  access: z
    .array(grant)
    .default([{ users: ['*'], repositories: ['**'], actions: ['pull', 'push', 'delete'], catalog: true }]),
});
