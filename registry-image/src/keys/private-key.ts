import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createFile } from './atomic-file.ts';

const generate = promisify(generateKeyPair);

/** Kinds of keys that are made here: ECDSA on the curve P-256, or RSA with a modulus of 3072 bits. */
export type KeyKind = 'P-256' | 'RSA-3072';

/** A key or certificate file that cannot be used; the message says why and what to do. */
export class KeyFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyFileError';
  }

  /** For a file that the system does not open. */
  static unreadable(path: string, cause: NodeJS.ErrnoException): KeyFileError {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${cause.message}`;
    return new KeyFileError(`${path} ${reason}`, { cause });
  }

  /** Whether the file does not exist. */
  get missing(): boolean {
    return (this.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  }
}

/**
 * Reads a private key: PEM of PKCS #8, SEC 1 or PKCS #1.
 *
 * @throws KeyFileError when the file is missing, readable by others than its owner, or no private key
 */
export async function readPrivateKey(path: string): Promise<KeyObject> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw KeyFileError.unreadable(path, cause);
  });
  let pem: string;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new KeyFileError(
        `${path} can be read by others than its owner (mode ${(mode & 0o777).toString(8).padStart(4, '0')}); allowed is 0600 or 0400: chmod 600 ${path}`,
      );
    }
    pem = await file.readFile('utf8');
  } finally {
    await file.close();
  }
  return parsePrivateKey(path, pem);
}

function parsePrivateKey(path: string, pem: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new KeyFileError(`${path} is protected by a passphrase; write it without: openssl pkey -in ${path} -out …`);
  }
  try {
    // Keys that went through an environment variable or a settings file often carry `\n` for their line ends.
    return createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch (cause) {
    throw new KeyFileError(`${path} holds no private key in PEM (PKCS #8, SEC 1 or PKCS #1)`, { cause });
  }
}

/**
 * Reads a private key, and makes it (PKCS #8, mode 0600) when the file does not exist.
 * Processes that start together end up with the same key.
 *
 * @throws KeyFileError as {@link readPrivateKey}, or when the file cannot be written
 */
export async function readOrMakePrivateKey(path: string, kind: KeyKind): Promise<KeyObject> {
  try {
    return await readPrivateKey(path);
  } catch (error) {
    if (!(error instanceof KeyFileError && error.missing)) throw error;
  }
  const { privateKey } =
    kind === 'P-256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 3072 });
  try {
    await createFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600);
  } catch (cause) {
    throw new KeyFileError(
      `${path} does not exist and cannot be made: ${(cause as Error).message}; put a key there or make the directory writable`,
      { cause },
    );
  }
  return readPrivateKey(path);
}
