import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import type { JWK } from 'jose';
import { createFile } from '../keys/atomic-file.ts';
import { makeCertificate } from '../keys/make-certificate.ts';
import { readCertificates } from '../keys/pem.ts';
import { KeyFileError, readOrMakePrivateKey } from '../keys/private-key.ts';
import { type KeyIds, keyIdsOf } from './key-id.ts';

export type SigningAlgorithm = 'ES256' | 'RS256';

/** Ten years: who checks tokens by certificate holds a copy of it, so it should not change by itself. */
const CERTIFICATE_DAYS = 3650;

/** The key that tokens are signed with. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly ids: KeyIds;
  /**
   * Certificate of the key and its chain, sent as `x5c` in every token: distribution checks it against its `rootcertbundle`.
   * Empty when there is none and none could be written beside the key.
   */
  readonly certificates: readonly X509Certificate[];
}

export interface SigningKeyOptions {
  /** PEM file; made when it does not exist. */
  readonly path: string;
  readonly algorithm: SigningAlgorithm;
  /** Certificates that others check tokens with: the key's own among them is preferred to the one beside the key. */
  readonly known?: readonly X509Certificate[];
}

/**
 * Loads the signing key, or makes it: P-256 for ES256, RSA of 3072 bits for RS256. Its certificate is kept beside it in
 * `<path>.crt`, to be handed to an external registry as `rootcertbundle`.
 *
 * @throws KeyFileError when the file is at fault or its key does not fit the algorithm
 */
export async function loadSigningKey({ path, algorithm, known = [] }: SigningKeyOptions): Promise<SigningKey> {
  const privateKey = await readOrMakePrivateKey(path, algorithm === 'ES256' ? 'P-256' : 'RSA-3072');
  requireFit(path, privateKey, algorithm);
  const publicKey = createPublicKey(privateKey);
  const ids = await keyIdsOf(publicKey);
  const own = known.find((certificate) => certificate.publicKey.equals(publicKey));
  const certificates = own ? [own] : await certificatesBeside(path, privateKey, ids);
  return { algorithm, privateKey, publicKey, ids, certificates };
}

/** The public key as JSON Web Keys, once under each of its ids: https://www.rfc-editor.org/rfc/rfc7517 */
export function publicJwks({ publicKey, ids, algorithm }: SigningKey): { keys: JWK[] } {
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig' };
  return {
    keys: [
      { ...jwk, kid: ids.rfc7638 },
      { ...jwk, kid: ids.libtrust },
    ],
  };
}

function requireFit(path: string, key: KeyObject, algorithm: SigningAlgorithm): void {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const kind = [key.asymmetricKeyType, namedCurve ?? (modulusLength || undefined)].filter(Boolean).join(' ');
  if (algorithm === 'ES256' && namedCurve !== 'prime256v1') {
    throw new KeyFileError(
      `${path} holds a key of the kind "${kind}"; ES256 needs an EC key on the curve prime256v1: set signingalgorithm to RS256 for an RSA key, or remove the file and one is made`,
    );
  }
  if (algorithm === 'RS256' && (key.asymmetricKeyType !== 'rsa' || modulusLength < 2048)) {
    throw new KeyFileError(
      `${path} holds a key of the kind "${kind}"; RS256 needs an RSA key of 2048 bits or more: set signingalgorithm to ES256 for an EC key on prime256v1, or remove the file and one is made`,
    );
  }
}

async function certificatesBeside(
  path: string,
  privateKey: KeyObject,
  ids: KeyIds,
): Promise<readonly X509Certificate[]> {
  const certificatePath = `${path}.crt`;
  let certificates: readonly X509Certificate[];
  try {
    certificates = await readCertificates(certificatePath);
  } catch (error) {
    if (!(error instanceof KeyFileError && error.missing)) throw error;
    const certificate = await makeCertificate({
      commonName: `token signing key ${ids.rfc7638.slice(0, 8)}`,
      privateKey,
      days: CERTIFICATE_DAYS,
      purpose: 'token',
    });
    try {
      await createFile(certificatePath, certificate.toString(), 0o644);
    } catch {
      // The key came with a volume that is read-only, as secrets often do. A certificate that nobody can get at helps nobody.
      return [];
    }
    certificates = await readCertificates(certificatePath);
  }
  if (!certificates[0]?.publicKey.equals(createPublicKey(privateKey))) {
    throw new KeyFileError(
      `${certificatePath} is the certificate of another key than ${path}; remove it, and one is made, or put the right one first`,
    );
  }
  return certificates;
}
