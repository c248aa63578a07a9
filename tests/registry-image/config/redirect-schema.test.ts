import { describe, expect, test } from '@jest/globals';
import { driversOnOwnHost } from '../../../registry-image/src/config/redirect-schema.ts';

describe('signed URLs', () => {
  const on = (redirectendpoint: string, host?: string, disable = false) =>
    driversOnOwnHost({ storage: { s3: { redirectendpoint }, redirect: { disable } }, http: { host } });

  test.each([
    'https://registry.example.com',
    'https://registry.example.com:9000',
    'http://REGISTRY.example.com/images',
    'https://images.registry.example.com',
  ])('cannot be on %s when the registry is registry.example.com: clients would send their token along', (endpoint) => {
    expect(on(endpoint, 'https://registry.example.com')).toEqual(['s3']);
  });

  test.each(['https://images.example.com', 'https://example.com', 'https://my-registry.example.com'])(
    'can be on %s',
    (endpoint) => expect(on(endpoint, 'https://registry.example.com')).toEqual([]),
  );

  test('can be anywhere when the host of the registry is not known, or nobody is redirected', () => {
    expect(on('https://registry.example.com')).toEqual([]);
    expect(on('https://registry.example.com', 'https://registry.example.com', true)).toEqual([]);
  });
});
