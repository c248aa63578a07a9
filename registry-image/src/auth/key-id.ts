import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The two names that the `kid` of a token may call one key by. */
export interface KeyIds {
  /** SHA-256 thumbprint of the JSON Web Key, base64url: https://www.rfc-editor.org/rfc/rfc7638; distribution 3 looks for it. */
  readonly rfc7638: string;
  /** Fingerprint of libtrust, `ABCD:EFGH:…`; distribution 2 and GitLab look for it. */
  readonly libtrust: string;
}

/** @param key a public key, or a private one, whose public half is named */
export async function keyIdsOf(key: KeyObject): Promise<KeyIds> {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return {
    rfc7638: await calculateJwkThumbprint(publicKey.export({ format: 'jwk' })),
    libtrust: libtrustFingerprint(publicKey),
  };
}

/**
 * SHA-256 of the DER-encoded public key (SubjectPublicKeyInfo), cut to 240 bits, base32, in twelve groups of four.
 * https://github.com/distribution/distribution/blob/v2.8.2/vendor/github.com/docker/libtrust/util.go (keyIDFromCryptoKey)
 */
function libtrustFingerprint(publicKey: KeyObject): string {
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const groups: string[] = [];
  // Five bytes are eight characters, two groups.
  for (let at = 0; at < digest.length; at += 5) {
    let bits = BigInt(`0x${digest.subarray(at, at + 5).toString('hex')}`);
    let text = '';
    for (let index = 0; index < 8; index += 1) {
      text = BASE32.charAt(Number(bits & 31n)) + text;
      bits >>= 5n;
    }
    groups.push(text.slice(0, 4), text.slice(4));
  }
  return groups.join(':');
}
