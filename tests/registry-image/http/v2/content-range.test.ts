import { describe, expect, test } from '@jest/globals';
import { parseContentRange, parseRange } from '../../../../registry-image/src/http/v2/content-range.ts';

describe('the Content-Range of a chunk', () => {
  test('is first byte and last byte, with or without a length', () => {
    expect(parseContentRange('0-1023', '1024')).toEqual({ start: 0, end: 1023 });
    expect(parseContentRange('0-1023', undefined)).toEqual({ start: 0, end: 1023 });
  });

  test('may be left out', () => {
    expect(parseContentRange(undefined, '5')).toBeUndefined();
  });

  test.each(['', '5', '5-', '-5', '9-3', 'a-b', '0-1,2-3', 'bytes 0-1023', 'bytes=0-1023', '0-1023/4096'])(
    'is refused as "%s"',
    (header) => {
      expect(() => parseContentRange(header, undefined)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }));
    },
  );

  test('is refused when the length says otherwise', () => {
    expect(() => parseContentRange('0-9', '11')).toThrow(expect.objectContaining({ code: 'SIZE_INVALID' }));
  });
});

describe('the Range of a GET over 100 bytes', () => {
  test.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=99-99', { start: 99, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-3', 'unsatisfiable'],
    ['bytes=-', undefined],
    ['bytes=0-1,5-6', undefined],
    ['lines=0-9', undefined],
    [undefined, undefined],
  ])('%s is %j', (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });

  test('of an empty blob has nothing to give', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});
