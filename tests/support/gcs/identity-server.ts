import { sign, verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { type Accounts, type ServiceAccount, TOKEN_SECONDS } from './accounts.ts';
import { answerJson, Refusal } from './refusal.ts';

const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const CLOUD_SCOPES = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/iam'];

/** The virtual machine that the metadata server answers for. */
export interface Machine {
  readonly account: ServiceAccount;
  readonly scopes: readonly string[];
}

export interface IdentityOptions {
  readonly accounts: Accounts;
  machine: Machine;
  /** Whether the project has the IAM Credentials API. */
  credentialsApiEnabled: boolean;
  /** Paths that were asked for. */
  readonly requests: string[];
}

/** What gives a process its identity: the OAuth token endpoint, the metadata server of a machine, and the IAM Credentials API. */
export async function handleIdentity(
  request: IncomingMessage,
  response: ServerResponse,
  options: IdentityOptions,
): Promise<void> {
  const { pathname } = new URL(request.url as string, 'http://stand-in');
  options.requests.push(pathname);
  if (pathname === '/token') await issueToken(request, response, options.accounts);
  else if (pathname.startsWith('/computeMetadata/')) answerMetadata(request, response, pathname, options);
  else if (pathname.endsWith(':signBlob')) await signBlob(request, response, pathname, options);
  else response.writeHead(404).end();
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
async function issueToken(request: IncomingMessage, response: ServerResponse, accounts: Accounts): Promise<void> {
  const form = new URLSearchParams(await text(request));
  const refuse = (error: string, error_description: string) => answerJson(response, { error, error_description }, 400);
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
    return refuse('unsupported_grant_type', 'Invalid grant_type');
  }
  const [header = '', payload = '', signature = ''] = (form.get('assertion') ?? '').split('.');
  const read = (part: string) =>
    JSON.parse(Buffer.from(part, 'base64url').toString() || '{}') as Record<string, unknown>;
  const { iss, aud, scope, iat, exp } = read(payload) as Record<string, string | number | undefined>;
  const account = accounts.find(String(iss));
  if (account === undefined) return refuse('invalid_grant', 'Invalid grant: account not found');
  const signed = Buffer.from(`${header}.${payload}`);
  if (
    read(header)['alg'] !== 'RS256' ||
    !verify('RSA-SHA256', signed, account.key.publicKey, Buffer.from(signature, 'base64url'))
  ) {
    return refuse('invalid_grant', 'Invalid JWT Signature.');
  }
  const now = Date.now() / 1000;
  const lifetime = Number(exp) - Number(iat);
  if (!(lifetime > 0 && lifetime <= TOKEN_SECONDS && Number(iat) <= now + 60 && Number(exp) > now)) {
    return refuse(
      'invalid_grant',
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.',
    );
  }
  if (aud !== TOKEN_URL) return refuse('invalid_grant', 'Invalid JWT: Failed audience check.');
  if (scope === undefined) return refuse('invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
  const access_token = accounts.issueToken(account, String(scope).split(' '));
  answerJson(response, { access_token, expires_in: TOKEN_SECONDS - 1, token_type: 'Bearer' });
}

/** https://cloud.google.com/compute/docs/metadata/querying-metadata: the field is required in requests, and is in answers. */
function answerMetadata(
  { headers }: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  { accounts, machine: { account, scopes } }: IdentityOptions,
): void {
  if (headers['metadata-flavor'] !== 'Google' || headers['x-forwarded-for'] !== undefined) {
    response.writeHead(403).end();
    return;
  }
  response.setHeader('metadata-flavor', 'Google');
  switch (pathname.replace(/\/$/, '').replace('/computeMetadata/v1/', '')) {
    case 'instance':
      response.end('service-accounts/\n');
      return;
    case 'instance/service-accounts/default/email':
      response.end(account.email);
      return;
    case 'instance/service-accounts/default/token': {
      const access_token = accounts.issueToken(account, scopes);
      answerJson(response, { access_token, expires_in: TOKEN_SECONDS - 1, token_type: 'Bearer' });
      return;
    }
    case 'universe/universe-domain':
      response.end('googleapis.com');
      return;
    default:
      response.writeHead(404).end();
  }
}

/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob */
async function signBlob(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  { accounts, credentialsApiEnabled }: IdentityOptions,
): Promise<void> {
  const refuse = (code: number, status: string, message: string, reason: string) =>
    answerJson(response, { error: { code, message, status, details: [{ reason }] } }, code);
  const email = /^\/v1\/projects\/-\/serviceAccounts\/([^/]+):signBlob$/.exec(decodeURIComponent(pathname))?.[1];
  const { payload } = (await json(request)) as { payload?: string };
  try {
    const caller = accounts.bearer(request, CLOUD_SCOPES);
    if (!credentialsApiEnabled) {
      const message = 'IAM Service Account Credentials API has not been used in project 1 before or it is disabled.';
      return refuse(403, 'PERMISSION_DENIED', message, 'SERVICE_DISABLED');
    }
    const account = accounts.find(email ?? '');
    if (account === undefined || caller !== account || !account.permissions.has('iam.serviceAccounts.signBlob')) {
      const message = "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist).";
      return refuse(403, 'PERMISSION_DENIED', message, 'IAM_PERMISSION_DENIED');
    }
    const signedBlob = sign('RSA-SHA256', Buffer.from(payload ?? '', 'base64'), account.managedKey.privateKey);
    answerJson(response, { keyId: 'managed', signedBlob: signedBlob.toString('base64') });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refuse(error.status, 'UNAUTHENTICATED', error.message, error.reason);
  }
}
