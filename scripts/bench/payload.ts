import { createHash, randomBytes } from 'node:crypto';

/** One piece of a long payload. */
const PIECE = 16 * 1024 * 1024;

/** Bytes at the start that no two payloads share. */
const UNIQUE = 32;

/** Random bytes that all payloads of this process end with: what is new in each of them is its first bytes. */
let shared: Buffer | undefined;

export interface Payload {
  readonly digest: string;
  readonly size: number;
  /** Parts of the payload, in order, of `piece` bytes at most. */
  pieces(piece: number): Iterable<Buffer>;
}

/** Bytes that no registry has seen, which no compression makes smaller; the digest is known before a clock starts. */
export function uniquePayload(size: number): Payload {
  shared ??= randomBytes(PIECE);
  const tail = shared;
  const head = randomBytes(Math.min(UNIQUE, size));
  function* pieces(piece: number) {
    yield head;
    for (let left = size - head.length; left > 0; ) {
      for (let at = 0; at < tail.length && left > 0; ) {
        const part = tail.subarray(at, at + Math.min(piece, left, tail.length - at));
        yield part;
        at += part.length;
        left -= part.length;
      }
    }
  }
  return { digest: digestOf(pieces(PIECE)), size, pieces };
}

export function payloadOf(bytes: Buffer): Payload {
  return { digest: digestOf([bytes]), size: bytes.length, pieces: () => [bytes] };
}

function digestOf(pieces: Iterable<Buffer>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}
