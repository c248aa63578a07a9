import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** https://cloud.google.com/storage/docs/access-control/iam-roles, roles/storage.objectUser as far as it matters here. */
const OBJECT_USER = [
  'storage.multipartUploads.abort',
  'storage.multipartUploads.create',
  'storage.objects.create',
  'storage.objects.delete',
  'storage.objects.get',
  'storage.objects.list',
] as const;

/** Any of them lets its token change objects: https://cloud.google.com/storage/docs/oauth-scopes */
const WRITING_SCOPES = [
  'https://www.googleapis.com/auth/cloud-platform',
  'https://www.googleapis.com/auth/devstorage.full_control',
  'https://www.googleapis.com/auth/devstorage.read_write',
];

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface ServiceAccount {
  readonly email: string;
  /** The one in its key file. */
  readonly key: KeyPair;
  /** The one that Google keeps, and signs with for `signBlob`. */
  readonly managedKey: KeyPair;
  /** What IAM allows it; tests take from it. */
  readonly permissions: Set<string>;
}

interface Token {
  readonly account: ServiceAccount;
  readonly scopes: readonly string[];
  readonly expiresAt: number;
}

/** https://cloud.google.com/docs/authentication/token-types#access: an hour. */
export const TOKEN_SECONDS = 3600;

/** Service accounts, and the access tokens that were issued to them. */
export class Accounts {
  readonly #accounts = new Map<string, ServiceAccount>();
  readonly #tokens = new Map<string, Token>();

  create(email: string): ServiceAccount {
    const account = {
      email,
      key: rsaKeyPair(),
      managedKey: rsaKeyPair(),
      permissions: new Set<string>([...OBJECT_USER, 'iam.serviceAccounts.signBlob']),
    };
    this.#accounts.set(email, account);
    return account;
  }

  find(email: string): ServiceAccount | undefined {
    return this.#accounts.get(email);
  }

  issueToken(account: ServiceAccount, scopes: readonly string[]): string {
    const token = `ya29.${randomUUID()}`;
    this.#tokens.set(token, { account, scopes, expiresAt: Date.now() + TOKEN_SECONDS * 1000 });
    return token;
  }

  /** Makes every token worthless, as the deletion of an account does. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** Whose bearer token a request carries, when it has one of these scopes. */
  bearer({ headers: { authorization = '' } }: IncomingMessage, scopes = WRITING_SCOPES): ServiceAccount {
    if (authorization === '') {
      throw new Refusal(401, 'required', 'AuthenticationRequired', 'Anonymous caller does not have access.');
    }
    const token = this.#tokens.get(authorization.replace(/^Bearer /, ''));
    if (token === undefined || token.expiresAt < Date.now()) {
      throw new Refusal(401, 'authError', 'AuthenticationRequired', 'Invalid Credentials');
    }
    if (!token.scopes.some((scope) => scopes.includes(scope))) {
      const message = 'Request had insufficient authentication scopes.';
      throw new Refusal(403, 'insufficientPermissions', 'AccessDenied', message);
    }
    return token.account;
  }
}

/** https://cloud.google.com/storage/docs/troubleshooting#access-permission */
export function requirePermissions(account: ServiceAccount, ...permissions: readonly string[]): void {
  const missing = permissions.find((permission) => !account.permissions.has(permission));
  if (missing === undefined) return;
  const message = `${account.email} does not have ${missing} access to the Google Cloud Storage object. Permission '${missing}' denied on resource (or it may not exist).`;
  throw new Refusal(403, 'forbidden', 'AccessDenied', message);
}

function rsaKeyPair(): KeyPair {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
