import { describe, expect, test } from '@jest/globals';
import { RegistryError } from '../../../registry-image/src/errors/registry-error.ts';
import { parseReference, parseRepositoryName } from '../../../registry-image/src/registry/reference.ts';

function refusal(work: () => unknown): RegistryError {
  try {
    work();
  } catch (error) {
    if (error instanceof RegistryError) return error;
  }
  throw new Error('was not refused');
}

describe('a repository name', () => {
  test.each([
    'a',
    'library/ubuntu',
    'group/project/my/image',
    'a.b_c__d-e---f',
    '0/1',
    'blobs/uploads',
    `${'a'.repeat(255)}`,
  ])('is %s', (name) => {
    expect(parseRepositoryName(name)).toBe(name);
  });

  test.each([
    ['_leading', '_leading'],
    ['group/trailing-', 'trailing-'],
    ['a___b', 'a___b'],
    ['a..b', 'a..b'],
    ['Upper/case', 'Upper'],
    ['a//b', ''],
    ['a/../b', '..'],
    ['a%2fb', 'a%2fb'],
    ['', ''],
  ])('is not "%s", and the refusal names the component', (name, component) => {
    const error = refusal(() => parseRepositoryName(name));
    expect(error.code).toBe('NAME_INVALID');
    expect(error.detail).toContain(`"${component}"`);
  });

  test('has at most 255 characters', () => {
    expect(refusal(() => parseRepositoryName('a'.repeat(256))).detail).toContain('256');
  });
});

describe('a reference', () => {
  test('with a colon is a digest, without one a tag', () => {
    const digest = `sha256:${'1'.repeat(64)}`;
    expect(parseReference(digest)).toEqual({ digest });
    expect(parseReference('v1.0_rc-2')).toEqual({ tag: 'v1.0_rc-2' });
  });

  test.each(['-x', '.x', 'a b', 'a/b', 'x'.repeat(129), ''])('that is "%s" is no tag', (tag) => {
    expect(refusal(() => parseReference(tag)).code).toBe('TAG_INVALID');
  });

  test('that is no whole digest is refused as one', () => {
    expect(refusal(() => parseReference('sha256:abc')).code).toBe('DIGEST_INVALID');
  });
});
