import { describe, expect, test } from '@jest/globals';
import { digestAlgorithm, digestOf, parseDigest } from '../../../registry-image/src/registry/digest.ts';

const HEX = 'a'.repeat(64);

describe('a digest', () => {
  test('of sha256 and sha512 is taken apart', () => {
    const sha512 = parseDigest(`sha512:${'0'.repeat(128)}`);
    expect(sha512 && digestAlgorithm(sha512)).toBe('sha512');
    const sha256 = parseDigest(`sha256:${HEX}`);
    expect(sha256 && digestAlgorithm(sha256)).toBe('sha256');
  });

  test.each([
    ['no algorithm', HEX],
    ['an unknown algorithm', `md5:${'a'.repeat(32)}`],
    ['a name that every object has', `constructor:${HEX}`],
    ['too few digits', `sha256:${HEX.slice(1)}`],
    ['too many digits', `sha256:${HEX}a`],
    ['capital digits', `sha256:${HEX.toUpperCase()}`],
    ['no hexadecimal digits', `sha256:${'g'.repeat(64)}`],
    ['a path in it', `sha256:${'../'.repeat(21)}a`],
    ['a third part', `sha256:${HEX}:x`],
    ['nothing', ''],
  ])('with %s is refused', (_what, text) => {
    expect(parseDigest(text)).toBeUndefined();
  });

  test('of bytes is the published one', () => {
    expect(digestOf(Buffer.from(''))).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
