import { createHash, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createFile, replaceFile } from '../keys/atomic-file.ts';
import { type Issuer, makeCertificate } from '../keys/make-certificate.ts';
import { isIssuedBy, readCertificates } from '../keys/pem.ts';
import { KeyFileError, readOrMakePrivateKey } from '../keys/private-key.ts';
import { coversHost } from './certificate-faults.ts';

const DAY = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
/** The longest that Apple's and Google's clients take: https://support.apple.com/en-us/102028 */
const SERVER_DAYS = 397;
/** A certificate is issued anew this long before its end. */
const RENEW_DAYS = 30;
const MAX_COMMON_NAME = 64;

export interface SelfSignedFiles {
  /** PEM file of the server's certificate. */
  readonly certificate: string;
  readonly key: string;
  /** PEM file of the authority, which clients are to trust. */
  readonly authority: string;
}

/**
 * Keeps an authority and a server certificate issued by it:
 *
 *     <directory>/ca.key      0600, made once
 *     <directory>/ca.crt      made once, renewed with the same key before it expires after ten years
 *     <directory>/server.key  0600, made once
 *     <directory>/server.crt  issued anew when the hosts change, and 30 days before it expires
 *
 * The certificates are replaced, never the keys, so whatever a crash or a second process leaves behind, each certificate fits its key.
 *
 * @param hosts host names and IP addresses; the first is the common name too
 * @throws KeyFileError when a file is damaged or the directory cannot be written
 */
export async function keepSelfSigned(directory: string, hosts: readonly string[]): Promise<SelfSignedFiles> {
  const files = {
    certificate: join(directory, 'server.crt'),
    key: join(directory, 'server.key'),
    authority: join(directory, 'ca.crt'),
  };
  const authority = await keepAuthority(
    files.authority,
    await readOrMakePrivateKey(join(directory, 'ca.key'), 'P-256'),
  );
  const privateKey = await readOrMakePrivateKey(files.key, 'P-256');
  const current = await readIfThere(files.certificate);
  if (current === undefined || !fits(current, privateKey, authority.certificate, hosts)) {
    const [first = ''] = hosts;
    const certificate = await makeCertificate({
      commonName: first.length <= MAX_COMMON_NAME ? first : 'container registry',
      privateKey,
      days: SERVER_DAYS,
      purpose: 'server',
      hosts,
      issuer: authority,
    });
    await replaceFile(files.certificate, certificate.toString(), 0o644).catch(notWritable(files.certificate));
  }
  return files;
}

async function keepAuthority(path: string, privateKey: KeyObject): Promise<Issuer> {
  const current = await readIfThere(path);
  if (current?.checkPrivateKey(privateKey) && !isEnding(current)) return { certificate: current, privateKey };
  // The name tells the authorities of several registries apart, and stays with the key.
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(publicKey).digest('hex').slice(0, 8);
  const certificate = await makeCertificate({
    commonName: `Container registry CA ${id}`,
    privateKey,
    days: AUTHORITY_DAYS,
    purpose: 'authority',
  });
  if (current === undefined) await createFile(path, certificate.toString(), 0o644).catch(notWritable(path));
  else await replaceFile(path, certificate.toString(), 0o644).catch(notWritable(path));
  // Of processes that start together one has made the file; all go on with that one.
  return { certificate: (await readCertificates(path))[0], privateKey };
}

async function readIfThere(path: string): Promise<X509Certificate | undefined> {
  try {
    return (await readCertificates(path))[0];
  } catch (error) {
    if (error instanceof KeyFileError && error.missing) return undefined;
    throw error;
  }
}

function fits(
  certificate: X509Certificate,
  privateKey: KeyObject,
  authority: X509Certificate,
  hosts: readonly string[],
): boolean {
  return (
    certificate.checkPrivateKey(privateKey) &&
    isIssuedBy(certificate, authority) &&
    !isEnding(certificate) &&
    isFor(certificate, hosts)
  );
}

function isFor(certificate: X509Certificate, hosts: readonly string[]): boolean {
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return names.length === hosts.length && hosts.every((host) => coversHost(certificate, host));
}

function isEnding({ validToDate }: X509Certificate): boolean {
  return validToDate.getTime() - Date.now() < RENEW_DAYS * DAY;
}

function notWritable(path: string) {
  return (cause: Error): never => {
    throw new KeyFileError(`${path} cannot be written: ${cause.message}; make its directory writable for this user`, {
      cause,
    });
  };
}
