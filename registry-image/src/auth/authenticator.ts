import type { GrantedAccess } from './access.ts';
import { formatChallenge, parseBasicCredentials } from './challenge.ts';
import { InvalidTokenError, type TokenVerifier } from './token-verifier.ts';
import type { Users } from './users.ts';

/** What an authenticator looks at in a request. */
export interface Caller {
  readonly authorization?: string | undefined;
  /** The client's IP address. */
  readonly address: string;
  readonly host?: string | undefined;
  readonly forwardedProto?: string | undefined;
}

/** Why a request was not let in. */
export interface Refusal {
  /** `missing`: no credentials; `invalid`: wrong ones; `insufficient`: right ones that do not reach far enough. */
  readonly reason: 'missing' | 'invalid' | 'insufficient';
  /** For the client: what is wrong and what to do. */
  readonly detail: string;
  /** The scope that would do, as clients ask a token for it. */
  readonly scope?: string | undefined;
}

/** One way of knowing who sends a request. */
export interface Authenticator {
  identify(caller: Caller): Promise<GrantedAccess | Refusal>;
  /** The WWW-Authenticate header of a refusal. */
  challenge(caller: Caller, refusal: Refusal): string;
}

export function isRefusal(result: GrantedAccess | Refusal): result is Refusal {
  return 'reason' in result;
}

function everything(subject: string): GrantedAccess {
  return { subject, allows: () => true };
}

/** No `auth` in the configuration: everyone may do everything. */
export function openAuthenticator(): Authenticator {
  const access = everything('');
  return { identify: async () => access, challenge: () => formatChallenge('Basic', { realm: 'registry' }) };
}

/** `auth.htpasswd`: whoever is in the user file may do everything. */
export function htpasswdAuthenticator(users: Users, realm: string): Authenticator {
  return {
    async identify({ authorization, address }) {
      if (authorization === undefined) return { reason: 'missing', detail: 'log in with your user name and password' };
      const credentials = parseBasicCredentials(authorization);
      if (credentials !== undefined && (await users.login(credentials, address)))
        return everything(credentials.username);
      return { reason: 'invalid', detail: 'the user name or the password is wrong' };
    },
    challenge: () => formatChallenge('Basic', { realm }),
  };
}

export interface TokenAuthenticatorOptions {
  readonly verifier: TokenVerifier;
  /** URL of the token endpoint. */
  readonly realm: string;
  readonly service: string;
  /** Path of the token endpoint on whatever host the client called the registry by. @default - the realm stands as it is */
  readonly autoRedirectPath?: string | undefined;
}

const ERRORS = { missing: undefined, invalid: 'invalid_token', insufficient: 'insufficient_scope' } as const;

/** `auth.token`: bearer tokens of a token endpoint: https://distribution.github.io/distribution/spec/auth/token/ */
export function tokenAuthenticator(options: TokenAuthenticatorOptions): Authenticator {
  return {
    async identify({ authorization }) {
      if (authorization === undefined) {
        return { reason: 'missing', detail: `log in, or get a token from ${options.realm}` };
      }
      const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
      if (token === undefined) {
        return { reason: 'invalid', detail: `a Bearer token of ${options.realm} is needed, not another scheme` };
      }
      try {
        return await options.verifier.verify(token);
      } catch (error) {
        if (error instanceof InvalidTokenError) return { reason: 'invalid', detail: error.message };
        throw error;
      }
    },
    challenge: (caller, { reason, scope }) =>
      formatChallenge('Bearer', {
        realm: realmFor(caller, options),
        service: options.service,
        scope,
        error: ERRORS[reason],
      }),
  };
}

const HOST = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * https as in distribution, unless the proxy in front says otherwise: a registry behind a proxy sees plain HTTP, and a realm of
 * that kind would make clients send passwords in the clear.
 */
function realmFor(
  { host = '', forwardedProto }: Caller,
  { realm, autoRedirectPath }: TokenAuthenticatorOptions,
): string {
  if (autoRedirectPath === undefined || !HOST.test(host)) return realm;
  return `${forwardedProto === 'http' ? 'http' : 'https'}://${host}${autoRedirectPath}`;
}
