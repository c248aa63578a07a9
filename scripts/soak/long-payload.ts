import { createHash, randomBytes } from 'node:crypto';

const PIECE_BYTES = 1024 ** 2;
/** Different pieces; after them the same come again, with another number in front. */
const PIECES = 64;
const NUMBER_BYTES = 8;

/**
 * Bytes of any size that cost next to nothing: random pieces that are repeated, each with its number in front, so that one that is
 * lost, doubled or misplaced changes the digest.
 */
export class LongPayload {
  readonly size: number;
  readonly #random = randomBytes(PIECES * PIECE_BYTES);

  constructor(size: number) {
    this.size = size;
  }

  /** The bytes from one position to another, which is not part of them. */
  *bytes(start = 0, end = this.size): Generator<Buffer> {
    for (let position = start; position < end; ) {
      const number = Math.floor(position / PIECE_BYTES);
      const within = position % PIECE_BYTES;
      const chunk = this.#part(number, within).subarray(0, end - position);
      yield chunk;
      position += chunk.length;
    }
  }

  digest(): string {
    const hash = createHash('sha256');
    for (const chunk of this.bytes()) hash.update(chunk);
    return `sha256:${hash.digest('hex')}`;
  }

  /** What follows a position of a piece: the rest of its number, or all that comes behind that. */
  #part(number: number, within: number): Buffer {
    if (within < NUMBER_BYTES) {
      const bytes = Buffer.alloc(NUMBER_BYTES);
      bytes.writeBigUInt64BE(BigInt(number));
      return bytes.subarray(within);
    }
    const piece = (number % PIECES) * PIECE_BYTES;
    return this.#random.subarray(piece + within, piece + PIECE_BYTES);
  }
}
