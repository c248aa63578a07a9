import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../../support/oci-image.ts';
import { expectError, newRepository, type Registry } from './expectations.ts';

/** What holds for every endpoint: end-1, names, errors, methods. */
export function baseSuite(registry: Registry): void {
  // https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
  describe('end-1: GET /v2/', () => {
    test('says that this is a registry', async () => {
      const answer = await registry().get('/v2/');
      expect(answer.status).toBe(200);
      expect(answer.header('Docker-Distribution-API-Version')).toBe('registry/2.0');
    });

    test('answers without the last slash too', async () => {
      expect((await registry().get('/v2')).status).toBe(200);
    });
  });

  // https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
  describe('repository names', () => {
    const tooLong = `a/${'b'.repeat(254)}`;
    test.each([
      ['a leading underscore', '_name/image'],
      ['a trailing dash', 'name-/image'],
      ['three underscores', 'na___me'],
      ['two dots', 'na..me'],
      ['upper case', 'Name/image'],
      ['a percent-encoded space', 'na%20me'],
      ['more than 255 characters', tooLong],
      ['an encoded way out of the storage directory', 'a/..%2f..%2fetc'],
    ])('refuses %s with NAME_INVALID', async (_what, name) => {
      const answer = await registry().get(`/v2/${name}/tags/list`);
      // With login, no token is good for such a name: the door may stay shut before the grammar is looked at.
      if (answer.status !== 401) expectError(answer, 400, 'NAME_INVALID');
    });

    test.each([
      ['one component', 'name'],
      ['many components', 'a/b/c/d/e/f/g'],
      ['every separator', 'a.b/c_d/e__f/g-h/i--j/k---l'],
      ['the words of the protocol', 'blobs/manifests/tags/list/uploads'],
      ['255 characters', `a/${'b'.repeat(253)}`],
    ])('takes %s', async (_what, name) => {
      const location = await registry().startUpload(name);
      expect(location).toContain(`/v2/${name}/blobs/uploads/`);
      expect((await registry().delete(location)).status).toBe(204);
    });
  });

  describe('answers to what is not served', () => {
    test('an unknown endpoint is 404 with an error body', async () => {
      const answer = await registry().get(`/v2/${newRepository('nothing')}/unknown/thing`);
      expectError(answer, 404, 'NOT_FOUND');
    });

    test.each([
      ['POST', `manifests/latest`],
      ['PATCH', `manifests/latest`],
      ['PUT', `blobs/${digestOf(Buffer.from('x'))}`],
      ['PUT', 'tags/list'],
      ['POST', `referrers/${digestOf(Buffer.from('x'))}`],
      ['GET', 'blobs/uploads/'],
    ])('%s on %s is 405 and says what is allowed', async (method, path) => {
      const answer = await registry().request(method, `/v2/${newRepository('method')}/${path}`);
      expectError(answer, 405, 'UNSUPPORTED');
      expect(answer.header('Allow')).toMatch(/[A-Z]+(, [A-Z]+)*/);
      expect(answer.header('Allow').split(', ')).not.toContain(method);
    });

    test('POST on the base is 405', async () => {
      expectError(await registry().request('POST', '/v2/'), 405, 'UNSUPPORTED');
    });
  });
}
