import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { AccessPolicy } from './access-policy.ts';
import type { KeyIds } from './key-id.ts';
import type { ResourceScope } from './scope.ts';
import type { SigningKey } from './signing-key.ts';

export interface TokenServiceOptions {
  readonly key: SigningKey;
  readonly policy: AccessPolicy;
  readonly issuer: string;
  /** The registry that the tokens are for; clients name it in `service`. */
  readonly service: string;
  /** Which of the key's names goes into `kid`. */
  readonly keyId: keyof KeyIds;
  /** Milliseconds that a token is good for. */
  readonly expiration: number;
}

export interface TokenRequest {
  /** The user's name; empty for who has not logged in. */
  readonly subject: string;
  readonly scopes: readonly ResourceScope[];
}

export interface IssuedToken {
  readonly token: string;
  readonly issuedAt: Date;
  readonly expiresInSeconds: number;
  /** What was asked for, cut down to what is allowed. */
  readonly granted: readonly ResourceScope[];
}

/** Issues bearer tokens: https://distribution.github.io/distribution/spec/auth/jwt/ */
export class TokenService {
  readonly service: string;
  readonly key: SigningKey;
  readonly #options: TokenServiceOptions;

  constructor(options: TokenServiceOptions) {
    this.service = options.service;
    this.key = options.key;
    this.#options = options;
  }

  /** Never refuses: what is not allowed is left out of the token. */
  async issue({ subject, scopes }: TokenRequest): Promise<IssuedToken> {
    const { key, policy, issuer, service, keyId, expiration } = this.#options;
    const granted = policy.intersect(subject, scopes);
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresInSeconds = Math.floor(expiration / 1000);
    const certificates = key.certificates.map(({ raw }) => raw.toString('base64'));

    const token = await new SignJWT({ access: granted })
      .setProtectedHeader({
        typ: 'JWT',
        alg: key.algorithm,
        kid: key.ids[keyId],
        ...(certificates.length > 0 && { x5c: certificates }),
      })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(service)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(issuedAt + expiresInSeconds)
      .setJti(randomUUID())
      .sign(key.privateKey);
    return { token, issuedAt: new Date(issuedAt * 1000), expiresInSeconds, granted };
  }
}
