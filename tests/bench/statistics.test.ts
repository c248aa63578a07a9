import { describe, expect, test } from '@jest/globals';
import { median, ratio, threeDigits } from '../../scripts/bench/statistics.ts';

describe('median', () => {
  test.each([
    ['one', [7], 7],
    ['an odd count, in any order', [9, 1, 100], 9],
    ['an even count', [4, 1, 100, 6], 5],
    ['numbers, not texts', [10, 9, 100], 10],
  ])('of %s', (_what, values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('leaves the values in their order', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('ratio', () => {
  test('is above 1 when we do more of what is good', () => {
    expect(ratio(300, 100, 'more')).toBe(3);
  });

  test('is above 1 when we take less of what is bad', () => {
    expect(ratio(100, 300, 'less')).toBe(3);
  });
});

test.each([
  [0.0012345, 0.00123],
  [1.2345, 1.23],
  [12.345, 12.3],
  [999.6, 1000],
  [12345.6, 12346],
  [0, 0],
])('%d is shown as %d', (value, shown) => {
  expect(threeDigits(value)).toBe(shown);
});
