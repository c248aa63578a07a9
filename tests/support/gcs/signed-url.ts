import { createHash, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Accounts, ServiceAccount } from './accounts.ts';
import { invalid, Refusal } from './refusal.ts';

const ALGORITHM = 'GOOG4-RSA-SHA256';
const SEVEN_DAYS_SECONDS = 604_800;

export function isSigned(query: URLSearchParams): boolean {
  return query.has('X-Goog-Signature');
}

/**
 * Who has signed the URL of a request with version 4, if the signature holds for this very request and is not expired.
 * https://cloud.google.com/storage/docs/authentication/canonical-requests and
 * https://cloud.google.com/storage/docs/authentication/signatures
 */
export function signerOf(request: IncomingMessage, url: URL, accounts: Accounts): ServiceAccount {
  const query = url.searchParams;
  const field = (name: string) => {
    const value = query.get(name);
    if (value === null) throw new Refusal(400, 'invalid', 'MalformedSecurityHeader', `Missing ${name}.`);
    return value;
  };
  if (field('X-Goog-Algorithm') !== ALGORITHM) throw invalid('The algorithm of the signature is another.');
  const [email = '', ...scopeParts] = field('X-Goog-Credential').split('/');
  const scope = scopeParts.join('/');
  const time = field('X-Goog-Date');
  if (!/^\d{8}\/[\w-]+\/storage\/goog4_request$/.test(scope) || !time.startsWith(scope.slice(0, 8))) {
    throw invalid('The credential scope is not <date>/<location>/storage/goog4_request.');
  }
  refuseExpired(time, Number(field('X-Goog-Expires')));
  const signedHeaders = field('X-Goog-SignedHeaders').split(';');
  if (!signedHeaders.includes('host')) throw invalid('The host must be signed.');
  const canonicalRequest = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...signedHeaders.map((name) => `${name}:${headerOf(request, name)}`),
    '',
    signedHeaders.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const digest = createHash('sha256').update(canonicalRequest).digest('hex');
  const text = Buffer.from([ALGORITHM, time, scope, digest].join('\n'));
  const signature = Buffer.from(field('X-Goog-Signature'), 'hex');
  const account = accounts.find(email);
  const keys = account === undefined ? [] : [account.key, account.managedKey];
  if (account === undefined || !keys.some(({ publicKey }) => verify('RSA-SHA256', text, publicKey, signature))) {
    const message = 'Access denied. The request signature we calculated does not match the signature you provided.';
    throw new Refusal(403, 'forbidden', 'SignatureDoesNotMatch', message);
  }
  return account;
}

function refuseExpired(time: string, seconds: number): void {
  if (!(seconds >= 1 && seconds <= SEVEN_DAYS_SECONDS)) throw invalid('X-Goog-Expires must be 1 to 604800.');
  const [, year, month, day, hour, minute, second] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(time) ?? [];
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedAt)) throw invalid('X-Goog-Date is no time.');
  if (Date.now() >= signedAt + seconds * 1000) {
    throw new Refusal(400, 'invalid', 'ExpiredToken', 'The provided token has expired.');
  }
}

/** Every parameter but the signature, sorted, with each of its characters encoded as the document asks for. */
function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .filter(([name]) => name !== 'X-Goog-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Cloud Storage has no ports in its names; a stand-in does. */
function headerOf(request: IncomingMessage, name: string): string {
  const value = String(request.headers[name] ?? '');
  return name === 'host' ? value.replace(/:\d+$/, '') : value.trim().replace(/ +/g, ' ');
}
