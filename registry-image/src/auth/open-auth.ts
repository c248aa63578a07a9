import type { X509Certificate } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import { ConfigurationError, type ConfigurationFault } from '../errors/configuration-error.ts';
import { KeyFileError } from '../keys/private-key.ts';
import { AccessPolicy } from './access-policy.ts';
import { type Authenticator, htpasswdAuthenticator, openAuthenticator, tokenAuthenticator } from './authenticator.ts';
import { HtpasswdFile } from './htpasswd-file.ts';
import { makeInitialUser } from './initial-user.ts';
import { LoginThrottle } from './login-throttle.ts';
import { loadSigningKey, type SigningKey } from './signing-key.ts';
import { TokenService } from './token-service.ts';
import { TokenVerifier } from './token-verifier.ts';
import { TrustedKeys } from './trusted-keys.ts';
import { Users } from './users.ts';

type TokenSettings = NonNullable<Config['auth']['token']>;
type EndpointSettings = NonNullable<Config['tokenendpoint']>;

/** What /jwt/auth works with. */
export interface TokenEndpoint {
  readonly service: TokenService;
  readonly users: Users;
}

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Only with `tokenendpoint`. */
  readonly tokenEndpoint?: TokenEndpoint;
  /** What an operator should know, though the server can run. */
  readonly warnings: readonly string[];
}

export interface OpenAuthOptions {
  /** Told while the server runs, such as of a user file that has become faulty. */
  readonly warn: (message: string) => void;
  readonly throttle: LoginThrottle;
}

/**
 * Opens what `auth` and `tokenendpoint` name, and makes the key and the first user where they are to be made.
 *
 * @throws ConfigurationError with every fault of the files
 */
export async function openAuth(
  config: Config,
  { warn = (message) => process.emitWarning(message), throttle = new LoginThrottle() }: Partial<OpenAuthOptions> = {},
): Promise<Authentication> {
  const { token, htpasswd } = config.auth;
  const opening = new Opening(warn, throttle);
  const opened =
    token !== undefined
      ? await opening.token(token, config.tokenendpoint)
      : htpasswd !== undefined
        ? await opening.htpasswd(htpasswd)
        : { authenticator: openAuthenticator() };
  if (opened === undefined || opening.faults.length > 0) throw faulty(opening.faults);
  return { ...opened, warnings: opening.warnings };
}

function faulty(faults: readonly ConfigurationFault[]): ConfigurationError {
  return new ConfigurationError('the authentication', faults);
}

type Opened = Omit<Authentication, 'warnings'>;

/** Opens one file after the other and collects what is wrong with any of them. */
class Opening {
  readonly faults: ConfigurationFault[] = [];
  readonly warnings: string[] = [];
  readonly #warn: (message: string) => void;

  readonly #throttle: LoginThrottle;

  constructor(warn: (message: string) => void, throttle: LoginThrottle) {
    this.#warn = warn;
    this.#throttle = throttle;
  }

  async htpasswd({ path, realm }: NonNullable<Config['auth']['htpasswd']>): Promise<Opened | undefined> {
    const users = await this.#users('auth.htpasswd.path', path);
    return users && { authenticator: htpasswdAuthenticator(users, realm) };
  }

  async token(settings: TokenSettings, endpoint: EndpointSettings | undefined): Promise<Opened | undefined> {
    const { realm, service, issuer, signingalgorithms: algorithms, rootcertbundle, jwks } = settings;
    const keys = new TrustedKeys();
    const certificates = await this.#trust('auth.token.rootcertbundle', rootcertbundle, (path) => keys.addBundle(path));
    await this.#trust('auth.token.jwks', jwks, (path) => keys.addJwks(path));
    const tokenEndpoint = endpoint && (await this.#tokenEndpoint(settings, endpoint, certificates ?? []));
    if (this.faults.length > 0) return undefined;

    const verifier = new TokenVerifier({ keys, issuer, service, algorithms });
    if (tokenEndpoint !== undefined) await this.#trustOwnKey(tokenEndpoint.service, verifier, keys, settings);
    const autoRedirectPath = settings.autoredirectpath ?? (endpoint ? '/jwt/auth' : '/auth/token');
    const authenticator = tokenAuthenticator({
      verifier,
      realm,
      service,
      ...(settings.autoredirect && { autoRedirectPath }),
    });
    return { authenticator, ...(tokenEndpoint && { tokenEndpoint }) };
  }

  async #tokenEndpoint(
    { issuer, service }: TokenSettings,
    settings: EndpointSettings,
    known: readonly X509Certificate[],
  ): Promise<TokenEndpoint | undefined> {
    const { privatekey: path, signingalgorithm: algorithm, initialuser, htpasswd, keyid, expiration } = settings;
    const key = await this.#attempt('tokenendpoint.privatekey', () => loadSigningKey({ path, algorithm, known }));
    if (initialuser !== undefined) {
      await this.#attempt('tokenendpoint.initialuser', () => makeInitialUser({ htpasswd, ...initialuser }));
    }
    const users = await this.#users('tokenendpoint.htpasswd', htpasswd);
    if (key === undefined || users === undefined) return undefined;
    if (key.certificates.length === 0) this.warnings.push(withoutCertificate(path));
    const policy = new AccessPolicy(settings.access);
    return { users, service: new TokenService({ key, policy, issuer, service, keyId: keyid, expiration }) };
  }

  /** Signs a token and checks it the way that a client's is, so that a mismatch shows now and not at the first login. */
  async #trustOwnKey(service: TokenService, verifier: TokenVerifier, keys: TrustedKeys, settings: TokenSettings) {
    const { key } = service;
    if (settings.rootcertbundle !== undefined && !keys.has(key.publicKey)) {
      this.warnings.push(outsideBundle(key, settings.rootcertbundle));
    }
    await keys.addKey(key.publicKey);
    try {
      const { token } = await service.issue({ subject: 'self-test', scopes: [] });
      await verifier.verify(token);
    } catch (error) {
      const message = `tokens that this server issues are not taken by it: ${(error as Error).message}; tokenendpoint.signingalgorithm is ${key.algorithm}, auth.token.signingalgorithms are ${settings.signingalgorithms.join(', ')}`;
      this.faults.push({ path: 'tokenendpoint.signingalgorithm', message });
    }
  }

  async #users(configPath: string, file: string): Promise<Users | undefined> {
    const opened = await HtpasswdFile.open(file, this.#warn);
    if (opened instanceof HtpasswdFile) return new Users(opened, this.#throttle);
    this.faults.push(...opened.faults.map((message) => ({ path: configPath, message })));
    return undefined;
  }

  async #trust<Result>(configPath: string, file: string | undefined, add: (path: string) => Promise<Result>) {
    return file === undefined ? undefined : this.#attempt(configPath, () => add(file));
  }

  async #attempt<Result>(configPath: string, action: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof KeyFileError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      this.faults.push({ path: configPath, message: (error as Error).message });
      return undefined;
    }
  }
}

function withoutCertificate(path: string): string {
  return `${path}.crt does not exist and cannot be written: tokens carry no certificate, and a registry elsewhere that checks them needs tokenendpoint.keyid: libtrust`;
}

function outsideBundle({ ids }: SigningKey, bundle: string): string {
  return `${bundle} does not hold the key of tokenendpoint.privatekey (${ids.rfc7638}, ${ids.libtrust}): this server takes its tokens, other registries with that bundle do not`;
}
