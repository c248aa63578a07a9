import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { uniquePayload } from '../../scripts/bench/payload.ts';

const MIB = 1024 * 1024;

describe('a payload', () => {
  test.each([1, 32, 1024, 3 * MIB, 16 * MIB + 40])(
    'of %d bytes has them, and the digest of them, in pieces of any size',
    (size) => {
      const payload = uniquePayload(size);
      for (const piece of [32 * 1024, 5 * MIB]) {
        const pieces = [...payload.pieces(piece)];
        const bytes = Buffer.concat(pieces);
        expect(bytes.length).toBe(size);
        expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(piece);
        expect(payload.digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
      }
    },
  );

  test('is like no other', () => {
    const digests = Array.from({ length: 20 }, () => uniquePayload(1024).digest);
    expect(new Set(digests).size).toBe(20);
  });
});
