import { sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type AuthClient, GoogleAuth, JWT, type JWTOptions } from 'google-auth-library';
import type { GcsOptions } from '../config/gcs-schema.ts';
import { explainIdentityError, explainSigningError } from './gcs-errors.ts';

/** Who the process is to Google Cloud. */
export interface GcsIdentity {
  /** Whether it signs by itself, without the IAM Credentials API. */
  readonly hasKey: boolean;
  /** The fields of a request that say who makes it. */
  headers(): Promise<Record<string, string>>;
  /** Address of the service account that `sign` signs for. */
  email(): Promise<string>;
  /** An RSA signature with SHA-256 of a text. */
  sign(text: string): Promise<Buffer>;
}

type TransporterOptions = NonNullable<JWTOptions['transporterOptions']>;

/** Objects can be read and changed with it, buckets and rights cannot: https://cloud.google.com/storage/docs/oauth-scopes */
const STORAGE_SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';

/** What the IAM Credentials API asks for, to sign in the name of the machine's service account. */
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** In the thread pool: a signature takes a millisecond or two, in which nothing else would be served. */
const signInPool = promisify<string, Buffer, string, Buffer>(sign);

const TOKEN_TIMEOUT_MS = 15_000;

/**
 * The key of a service account when one is configured, else Application Default Credentials: GOOGLE_APPLICATION_CREDENTIALS, those
 * of the gcloud command, the service account of the machine (https://cloud.google.com/docs/authentication/application-default-credentials).
 * Tokens are asked for when they are needed, and again before they expire.
 *
 * @param transporterOptions how tokens and signatures are asked for, beside what the library does by itself
 */
export async function openIdentity(
  { keyfile, credentials }: GcsOptions,
  transporterOptions: TransporterOptions = {},
): Promise<GcsIdentity> {
  const transport = { timeout: TOKEN_TIMEOUT_MS, ...transporterOptions };
  if (credentials !== undefined) return new KeyIdentity(credentials, transport);
  if (keyfile !== undefined) return new KeyIdentity(await readKeyFile(keyfile), transport);
  return new DefaultIdentity(transport);
}

/** What of a key file the server acts on; the rest describes the account. */
interface ServiceAccountKey {
  readonly client_email: string;
  readonly private_key: string;
}

class KeyIdentity implements GcsIdentity {
  readonly hasKey = true;
  readonly #key: ServiceAccountKey;
  readonly #client: JWT;

  constructor(key: ServiceAccountKey, transporterOptions: TransporterOptions) {
    this.#key = key;
    this.#client = new JWT({
      email: key.client_email,
      key: key.private_key,
      scopes: [STORAGE_SCOPE],
      transporterOptions,
    });
  }

  async headers(): Promise<Record<string, string>> {
    return requestHeaders(async () => this.#client);
  }

  async email(): Promise<string> {
    return this.#key.client_email;
  }

  async sign(text: string): Promise<Buffer> {
    try {
      return await signInPool('RSA-SHA256', Buffer.from(text), this.#key.private_key);
    } catch (error) {
      throw explainIdentityError(error);
    }
  }
}

class DefaultIdentity implements GcsIdentity {
  readonly hasKey = false;
  readonly #auth: GoogleAuth;
  #email: string | undefined;

  constructor(transporterOptions: TransporterOptions) {
    this.#auth = new GoogleAuth({
      scopes: [CLOUD_SCOPE],
      clientOptions: { transporterOptions },
      // Nothing here needs the project's id. Left out, the library looks for it with the gcloud command, which takes a second or more.
      projectId: 'unknown',
    });
  }

  async headers(): Promise<Record<string, string>> {
    return requestHeaders(() => this.#auth.getClient());
  }

  async email(): Promise<string> {
    if (this.#email === undefined) {
      try {
        this.#email = (await this.#auth.getCredentials()).client_email;
      } catch (error) {
        throw explainIdentityError(error);
      }
    }
    if (this.#email === undefined) {
      throw new Error(
        'URLs are signed in the name of a service account, and the default credentials are none: give the machine a service ' +
          'account, impersonate one (gcloud auth application-default login --impersonate-service-account=…), or set storage.redirect.disable',
      );
    }
    return this.#email;
  }

  async sign(text: string): Promise<Buffer> {
    const email = await this.email();
    try {
      return Buffer.from(await this.#auth.sign(text), 'base64');
    } catch (error) {
      throw explainSigningError(error, email);
    }
  }
}

async function requestHeaders(client: () => Promise<AuthClient>): Promise<Record<string, string>> {
  try {
    return Object.fromEntries(await (await client()).getRequestHeaders());
  } catch (error) {
    throw explainIdentityError(error);
  }
}

/** @throws Error that says what to do when the file is not the key of a service account; never with what is in it */
async function readKeyFile(path: string): Promise<ServiceAccountKey> {
  const unusable = (reason: string, cause?: unknown) =>
    new Error(
      `storage.gcs.keyfile: ${path} must be the JSON key file of a service account, ${reason}; create a key, or leave keyfile out and give the machine a service account`,
      { cause },
    );
  let key: unknown;
  try {
    key = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(code === undefined ? 'but is no JSON' : `but cannot be read (${code})`);
  }
  if (typeof key !== 'object' || key === null) throw unusable('but is no JSON object');
  const { type, client_email, private_key } = key as Record<string, unknown>;
  if (type !== 'service_account') throw unusable(`but is of type ${JSON.stringify(type)}`);
  if (typeof client_email !== 'string' || typeof private_key !== 'string') {
    throw unusable('but lacks client_email or private_key');
  }
  return { client_email, private_key };
}
