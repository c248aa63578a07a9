import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { type Fault, Faults } from './validation-error.ts';

/** Certificate and key files that a construct was given. */
export interface PemFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** A certificate that ends sooner is refused: it would fail in production before anyone looks again. */
const SHORTEST_VALIDITY_DAYS = 7;
const DAY_MS = 24 * 3_600_000;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** A chain and its key, read and compared. */
export class PemPair {
  readonly faults: readonly Fault[];
  /** The certificate of the server, first in its file; `undefined` when the file holds none. */
  readonly certificate: X509Certificate | undefined;
  readonly certificatePath: string;
  readonly keyPath: string;
  /** A number that is another one for another certificate. */
  readonly version: number;

  constructor(files: PemFiles) {
    const faults = new Faults();
    this.certificatePath = path.resolve(files.certificateFile);
    this.keyPath = path.resolve(files.privateKeyFile);
    const chain = readCertificates(files.certificateFile, faults);
    const key = readKey(files.privateKeyFile, faults);
    this.certificate = chain[0];
    this.version = createHash('sha256')
      .update(chain.map(({ fingerprint256 }) => fingerprint256).join())
      .digest()
      .readUInt32BE();
    if (this.certificate !== undefined) checkCertificate(files, this.certificate, chain, key, faults);
    this.faults = faults.all;
  }
}

/** @returns what is wrong with the pair for this host: names it does not cover */
export function hostFaults(files: PemFiles, certificate: X509Certificate | undefined, host: string): readonly Fault[] {
  const faults = new Faults();
  if (certificate === undefined) return [];
  const covered = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  faults.check(
    'certificateFile',
    files.certificateFile,
    covered !== undefined,
    `does not cover ${host}; its names are ${certificate.subjectAltName ?? 'none'} (a wildcard stands for one label only). Take a certificate with ${host} among its names`,
  );
  return faults.all;
}

function readCertificates(file: string, faults: Faults): readonly X509Certificate[] {
  const text = readText('certificateFile', file, faults);
  if (text === undefined) return [];
  try {
    const certificates = [...text.matchAll(CERTIFICATE)].map(([pem]) => new X509Certificate(pem));
    faults.check(
      'certificateFile',
      file,
      certificates.length > 0,
      'holds no certificate; it must be PEM, with BEGIN CERTIFICATE',
    );
    return certificates;
  } catch (error) {
    faults.check(
      'certificateFile',
      file,
      false,
      `cannot be read as a certificate (${(error as Error).message}); it must be PEM`,
    );
    return [];
  }
}

function readKey(file: string, faults: Faults): KeyObject | undefined {
  const text = readText('privateKeyFile', file, faults);
  if (text === undefined) return undefined;
  try {
    return createPrivateKey(text);
  } catch (error) {
    const message = `cannot be read as a private key (${(error as Error).message}); it must be PEM, without a passphrase`;
    faults.check('privateKeyFile', file, false, message);
    return undefined;
  }
}

function readText(prop: string, file: string, faults: Faults): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    faults.check(
      prop,
      file,
      false,
      `cannot be read (${(error as NodeJS.ErrnoException).code}); give the path of a PEM file`,
    );
    return undefined;
  }
}

function checkCertificate(
  files: PemFiles,
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  key: KeyObject | undefined,
  faults: Faults,
): void {
  const daysLeft = (Date.parse(certificate.validTo) - Date.now()) / DAY_MS;
  faults.check(
    'certificateFile',
    files.certificateFile,
    daysLeft >= SHORTEST_VALIDITY_DAYS,
    `${daysLeft < 0 ? 'has expired' : 'expires'} on ${certificate.validTo}; it must be valid for ${SHORTEST_VALIDITY_DAYS} days at least, so renew it`,
  );
  faults.check(
    'privateKeyFile',
    files.privateKeyFile,
    key === undefined || certificate.checkPrivateKey(key),
    `is not the key of ${files.certificateFile}; take the key that the certificate was requested with`,
  );
  for (const [index, issuer] of chain.slice(1).entries()) {
    faults.check(
      'certificateFile',
      files.certificateFile,
      chain[index]?.checkIssued(issuer) === true,
      `certificate ${index + 2} in it has not issued certificate ${index + 1}; the order is server, intermediate, and so on upwards`,
    );
  }
}
