import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { SIGNING_ALGORITHMS } from '../config/auth-schema.ts';
import type { GrantedAccess } from './access.ts';
import type { TrustedKeys } from './trusted-keys.ts';

/** How far the clocks of the issuer and of this machine may be apart; the same as in distribution. */
const LEEWAY_SECONDS = 60;
const MAX_REMEMBERED = 2000;

export interface TokenVerifierOptions {
  readonly keys: TrustedKeys;
  readonly issuer: string;
  /** Must be in the token's audience. */
  readonly service: string;
  readonly algorithms: readonly (typeof SIGNING_ALGORITHMS)[number][];
}

/** A token that is not taken; the message is for the client. */
export class InvalidTokenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InvalidTokenError';
  }
}

/** The claim set: https://distribution.github.io/distribution/spec/auth/jwt/#claim-set; issuers write null for what is empty. */
const claimSet = z.object({
  sub: z.string().nullish(),
  exp: z.number(),
  access: z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()).nullish() })).nullish(),
});
type ClaimSet = z.output<typeof claimSet>;

/** Checks bearer tokens, and remembers the good ones until they expire. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #verified = new LRUCache<string, { access: GrantedAccess; expiresAt: number }>({ max: MAX_REMEMBERED });

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /** @throws InvalidTokenError */
  async verify(token: string): Promise<GrantedAccess> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAt) return known.access;

    const claims = parseClaims(await this.#verifySignature(token));
    const access = toAccess(claims);
    this.#verified.set(token, { access, expiresAt: (claims.exp + LEEWAY_SECONDS) * 1000 });
    return access;
  }

  async #verifySignature(token: string): Promise<JWTPayload> {
    const { issuer, service, algorithms } = this.#options;
    try {
      const { payload } = await jwtVerify(token, (header) => this.#keyFor(header), {
        algorithms: [...algorithms],
        typ: 'JWT',
        issuer,
        audience: service,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp'],
      });
      return payload;
    } catch (cause) {
      throw cause instanceof InvalidTokenError
        ? cause
        : new InvalidTokenError(explain(cause, this.#options), { cause });
    }
  }

  #keyFor(header: JWTHeaderParameters) {
    const key = this.#options.keys.find(header);
    if (key !== undefined) return key;
    throw new InvalidTokenError(
      `the token is signed by an untrusted key: its key id is ${JSON.stringify(header.kid ?? null)}, trusted are ${this.#options.keys.ids.join(', ')}`,
    );
  }
}

function explain(error: unknown, { issuer, service, algorithms }: TokenVerifierOptions): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload } = error;
    const value = JSON.stringify(payload[claim] ?? null);
    if (claim === 'iss') return `the token's issuer is ${value}, wanted is "${issuer}"`;
    if (claim === 'aud') return `the token is for the service ${value}, wanted is "${service}"`;
    if (claim === 'nbf') return 'the token is not valid yet; the clocks of the issuer and of the registry differ';
    return `the token's "${claim}" is not as it must be: ${error.message}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `the token's signature algorithm is not allowed; allowed are ${algorithms.join(', ')}`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  return 'the token is damaged';
}

function parseClaims(payload: JWTPayload): ClaimSet {
  const { data, error } = claimSet.safeParse(payload);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new InvalidTokenError(`the token's "${issue?.path.join('.')}" is not as it must be: ${issue?.message}`);
}

function toAccess({ sub, access }: ClaimSet): GrantedAccess {
  const actions = new Map<string, Set<string>>();
  for (const { type, name, actions: granted } of access ?? []) {
    const resource = `${type}:${name}`;
    actions.set(resource, new Set([...(actions.get(resource) ?? []), ...(granted ?? [])]));
  }
  return {
    subject: sub ?? '',
    allows(type, name, action) {
      const granted = actions.get(`${type}:${name}`);
      // `*` of another issuer is every action, as in distribution.
      return granted !== undefined && (granted.has(action) || granted.has('*'));
    },
  };
}
