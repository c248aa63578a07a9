import { describe, expect, test } from '@jest/globals';
import { encodeRepositoryName } from '../../../registry-image/src/http/repository-path.ts';

describe('a path', () => {
  test.each([
    ['/v2/ubuntu/manifests/latest', '/v2/ubuntu/manifests/latest'],
    ['/v2/a/b/c/manifests/latest', '/v2/a%2Fb%2Fc/manifests/latest'],
    ['/v2/a/b/blobs/sha256:1?x=/y', '/v2/a%2Fb/blobs/sha256:1?x=/y'],
    ['/v2/a/b/blobs/uploads/', '/v2/a%2Fb/blobs/uploads'],
    ['/v2/a/b/blobs/uploads/?digest=sha256:1', '/v2/a%2Fb/blobs/uploads?digest=sha256:1'],
    ['/v2/a/b/blobs/uploads/1-2?digest=x', '/v2/a%2Fb/blobs/uploads/1-2?digest=x'],
    ['/v2/a/b/tags/list?n=1', '/v2/a%2Fb/tags/list?n=1'],
    ['/v2/a/b/referrers/sha256:1', '/v2/a%2Fb/referrers/sha256:1'],
  ])('%s has its repository in one segment', (url, routed) => {
    expect(encodeRepositoryName(url)).toBe(routed);
  });

  test.each([
    ['/v2/a/manifests/b/manifests/latest', 'a/manifests/b'],
    ['/v2/blobs/uploads/blobs/uploads/1', 'blobs/uploads'],
    ['/v2/tags/list/tags/list', 'tags/list'],
  ])('%s keeps an endpoint word inside the name', (url, name) => {
    expect(decodeURIComponent(encodeRepositoryName(url).split('/')[2] as string)).toBe(name);
  });

  test.each(['/', '/v2/', '/v2/_catalog?n=5', '/livez', '/jwt/auth?scope=repository:a/b:pull', '/v2/a/unknown/b'])(
    '%s is left as it is',
    (url) => {
      expect(encodeRepositoryName(url)).toBe(url);
    },
  );

  test('with an encoded slash does not turn into another name', () => {
    expect(encodeRepositoryName('/v2/a%2fb/manifests/latest')).toBe('/v2/a%252fb/manifests/latest');
  });
});
