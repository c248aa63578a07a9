import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIssuedBy, readPemBundle } from '../keys/pem.ts';
import { KeyFileError } from '../keys/private-key.ts';
import { keyIdsOf } from './key-id.ts';

/** Longest `x5c` that is looked at: a token's own certificate, and intermediates. */
const MAX_CHAIN = 5;

/** The keys that tokens may be signed with, by their ids, and the certificates that vouch for further keys. */
export class TrustedKeys {
  readonly #byId = new Map<string, KeyObject>();
  readonly #roots: X509Certificate[] = [];

  get ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  has(publicKey: KeyObject): boolean {
    return [...this.#byId.values()].some((key) => key.equals(publicKey));
  }

  /** Trusts a public key under both its ids, and under `kid` where its issuer names it otherwise. */
  async addKey(publicKey: KeyObject, kid?: string): Promise<void> {
    const { rfc7638, libtrust } = await keyIdsOf(publicKey);
    for (const id of [rfc7638, libtrust, kid]) {
      if (id !== undefined) this.#byId.set(id, publicKey);
    }
  }

  /** @throws KeyFileError */
  async addBundle(path: string): Promise<readonly X509Certificate[]> {
    const { certificates, publicKeys } = await readPemBundle(path);
    for (const { publicKey } of certificates) await this.addKey(publicKey);
    for (const publicKey of publicKeys) await this.addKey(publicKey);
    this.#roots.push(...certificates);
    return certificates;
  }

  /** @throws KeyFileError when the file is no JSON Web Key Set of public keys */
  async addJwks(path: string): Promise<void> {
    for (const [index, jwk] of (await readJwks(path)).entries()) {
      if (jwk.use === 'enc') continue;
      const place = `key ${index + 1} of ${path}`;
      if (jwk.kty === 'oct' || 'd' in jwk) {
        throw new KeyFileError(`${place} is secret (kty ${jwk.kty}); only public keys belong there`);
      }
      let publicKey: KeyObject;
      try {
        publicKey = createPublicKey({ key: jwk, format: 'jwk' });
      } catch (cause) {
        throw new KeyFileError(`${place} is no public key: ${(cause as Error).message}`, { cause });
      }
      await this.addKey(publicKey, typeof jwk.kid === 'string' ? jwk.kid : undefined);
    }
  }

  /**
   * The key that a token's header names. An embedded `jwk` is never looked at, and `x5c` counts only when it leads to a trusted
   * certificate: what a token says about itself is no reason to trust it.
   */
  find({ kid, x5c }: { kid?: unknown; x5c?: unknown }): KeyObject | undefined {
    const named = typeof kid === 'string' ? this.#byId.get(kid) : undefined;
    return named ?? (Array.isArray(x5c) ? this.#leafOfChain(x5c) : undefined);
  }

  /** The first certificate's key, when each certificate was issued by the next, the last by a trusted one, and all are in force. */
  #leafOfChain(x5c: readonly unknown[]): KeyObject | undefined {
    const chain = parseChain(x5c);
    const [leaf, ...issuers] = chain;
    if (leaf === undefined) return undefined;
    const linked = issuers.every((issuer, index) => issuer.ca && isIssuedBy(chain[index] as X509Certificate, issuer));
    const last = chain.at(-1) as X509Certificate;
    const root = this.#roots.find((root) => root.raw.equals(last.raw) || (root.ca && isIssuedBy(last, root)));
    return linked && root !== undefined && [...chain, root].every(isInForce) ? leaf.publicKey : undefined;
  }
}

function parseChain(x5c: readonly unknown[]): X509Certificate[] {
  if (x5c.length > MAX_CHAIN) return [];
  try {
    return x5c.map((text) => new X509Certificate(Buffer.from(String(text), 'base64')));
  } catch {
    return [];
  }
}

function isInForce({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now();
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

async function readJwks(path: string): Promise<JsonWebKey[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new KeyFileError(`${path} cannot be read as JSON: ${(cause as Error).message}`, { cause });
  }
  const keys = (parsed as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new KeyFileError(`${path} is no JSON Web Key Set: it needs a "keys" list with at least one key`);
  }
  return keys as JsonWebKey[];
}
