import type { StorageKey } from './storage-driver.ts';

/** The longest key that S3 takes; https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_KEY_BYTES = 1024;

/** A key that no driver may be asked for. It was built from something that had not been parsed: a fault of the caller. */
export class InvalidKeyError extends Error {
  readonly key: string;

  constructor(key: string, fault: string) {
    super(
      `storage key ${JSON.stringify(key)} ${fault}; keys are relative paths such as "a/b/c", built by key-layout.ts`,
    );
    this.name = 'InvalidKeyError';
    this.key = key;
  }
}

/** @throws InvalidKeyError unless the key is a relative, `/`-separated path that stays below the root of a driver. */
export function assertKey(key: StorageKey): void {
  const fault = keyFault(key);
  if (fault !== undefined) throw new InvalidKeyError(key, fault);
}

/** @throws InvalidKeyError unless the prefix is empty or a key followed by `/`. */
export function assertPrefix(prefix: string): void {
  if (prefix === '') return;
  const fault = prefix.endsWith('/') ? keyFault(prefix.slice(0, -1)) : 'is a prefix and must end in "/"';
  if (fault !== undefined) throw new InvalidKeyError(prefix, fault);
}

function keyFault(key: string): string | undefined {
  if (key.startsWith('/')) return 'is absolute';
  if (key.includes('\0')) return 'has a NUL character';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  for (const component of key.split('/')) {
    if (component === '') return 'has an empty component';
    if (component === '.' || component === '..') return `has the component "${component}"`;
  }
  return undefined;
}
