import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { LongPayload } from '../../scripts/soak/long-payload.ts';

const MIB = 1024 ** 2;

test('a long payload is the same from wherever it is gone on with, and its pieces differ', () => {
  const payload = new LongPayload(70 * MIB + 5);
  const whole = Buffer.concat([...payload.bytes()]);
  expect(whole.length).toBe(70 * MIB + 5);
  expect(payload.digest()).toBe(`sha256:${createHash('sha256').update(whole).digest('hex')}`);
  for (const [start, end] of [
    [0, 1],
    [3, 9],
    [MIB - 1, MIB + 12],
    [65 * MIB + 4, 65 * MIB + 7],
    [70 * MIB, 70 * MIB + 5],
  ] as const) {
    expect(Buffer.concat([...payload.bytes(start, end)])).toEqual(whole.subarray(start, end));
  }
  expect(whole.subarray(0, MIB).equals(whole.subarray(64 * MIB, 65 * MIB))).toBe(false);
});
