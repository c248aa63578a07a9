import { createHash, type Hash } from 'node:crypto';

/** Length of the hexadecimal part by registered algorithm: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#registered-algorithms */
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof HEX_LENGTH;

declare const checked: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>`, checked: safe to build a key from. */
export type Digest = string & { readonly [checked]: 'digest' };

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}

/** `undefined` when the text is not a digest of a known algorithm in lower-case hexadecimal. */
export function parseDigest(text: string): Digest | undefined {
  const [algorithm, hex, ...rest] = text.split(':');
  if (algorithm === undefined || hex === undefined || rest.length > 0 || !isDigestAlgorithm(algorithm))
    return undefined;
  return hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex) ? (text as Digest) : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return finishDigest(createHash(algorithm).update(bytes), algorithm);
}

export function finishDigest(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest;
}

/** What a refused digest is told. */
export const DIGEST_GRAMMAR = 'allowed are sha256:<64 lower-case hexadecimal digits> and sha512:<128 of them>';
