import { describe, expect, test } from '@jest/globals';
import { formatChallenge, parseBasicCredentials } from '../../../registry-image/src/auth/challenge.ts';

describe('a challenge', () => {
  test('quotes every parameter and leaves out those without a value', () => {
    expect(formatChallenge('Bearer', { realm: 'https://r/jwt/auth', service: 's', scope: undefined })).toBe(
      'Bearer realm="https://r/jwt/auth",service="s"',
    );
  });

  test('cannot be broken out of by a name', () => {
    expect(formatChallenge('Bearer', { scope: 'repository:a",error="x\\:pull' })).toBe(
      'Bearer scope="repository:a\\",error=\\"x\\\\:pull"',
    );
    expect(formatChallenge('Bearer', { scope: 'a\r\nSet-Cookie: b\u00fc' })).toBe('Bearer scope="a??Set-Cookie: b?"');
  });
});

describe('Basic credentials', () => {
  const encode = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  test('may have colons and any characters in the password', () => {
    expect(parseBasicCredentials(encode('ana:p:w\u00f6rd'))).toEqual({ username: 'ana', password: 'p:w\u00f6rd' });
  });

  test('are known in any letter case of the scheme', () => {
    expect(parseBasicCredentials(encode('a:b').replace('Basic', 'basic'))).toEqual({ username: 'a', password: 'b' });
  });

  test.each(['Bearer abc', 'Basic', 'Basic !!', encode('no colon'), ''])('%j are none', (header) => {
    expect(parseBasicCredentials(header)).toBeUndefined();
  });
});
