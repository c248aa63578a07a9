import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { KeyFileError } from './private-key.ts';

/** Certificates and bare public keys of one PEM file, each in the order of the file. */
export interface PemBundle {
  readonly certificates: readonly X509Certificate[];
  readonly publicKeys: readonly KeyObject[];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** @throws KeyFileError when the file cannot be read, has a damaged block or a private key, or holds none of what is wanted */
export async function readPemBundle(path: string): Promise<PemBundle> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw KeyFileError.unreadable(path, cause);
  });
  const certificates: X509Certificate[] = [];
  const publicKeys: KeyObject[] = [];
  for (const [index, [block, label]] of [...text.replaceAll('\\n', '\n').matchAll(BLOCK)].entries()) {
    const place = `block ${index + 1} of ${path}`;
    try {
      if (label === 'CERTIFICATE') certificates.push(new X509Certificate(block));
      else if (label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY') publicKeys.push(createPublicKey(block));
    } catch (cause) {
      throw new KeyFileError(`${place} is damaged: ${(cause as Error).message}`, { cause });
    }
    if (label?.endsWith('PRIVATE KEY')) {
      throw new KeyFileError(`${place} is a private key; only certificates and public keys belong there`);
    }
  }
  if (certificates.length + publicKeys.length === 0) {
    throw new KeyFileError(`${path} holds no certificate and no public key in PEM`);
  }
  return { certificates, publicKeys };
}

/** @throws KeyFileError as {@link readPemBundle}, and when there is no certificate */
export async function readCertificates(path: string): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const [first, ...others] = (await readPemBundle(path)).certificates;
  if (first === undefined) throw new KeyFileError(`${path} holds no certificate`);
  return [first, ...others];
}

/** Whether the certificate was issued by the other: its name and its signature, not its dates. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
