import { describe, expect, test } from '@jest/globals';
import * as layout from '../../../registry-image/src/storage/key-layout.ts';

const hex = `ab${'0'.repeat(62)}`;
const digest = `sha256:${hex}`;
const root = 'docker/registry/v2';

describe('the key layout', () => {
  test("is distribution's", () => {
    expect(layout.blobDataKey(digest)).toBe(`${root}/blobs/sha256/ab/${hex}/data`);
    expect(layout.layerLinkKey('a/b', digest)).toBe(`${root}/repositories/a/b/_layers/sha256/${hex}/link`);
    expect(layout.revisionLinkKey('a/b', digest)).toBe(
      `${root}/repositories/a/b/_manifests/revisions/sha256/${hex}/link`,
    );
    expect(layout.tagCurrentKey('a/b', 'v1')).toBe(`${root}/repositories/a/b/_manifests/tags/v1/current/link`);
    expect(layout.tagIndexKey('a/b', 'v1', digest)).toBe(
      `${root}/repositories/a/b/_manifests/tags/v1/index/sha256/${hex}/link`,
    );
  });

  test('keeps uploads apart from live data, so that a lifecycle rule on their prefix never matches it', () => {
    expect(layout.uploadKey('id')).toBe('uploads/id/data');
    expect(root.startsWith(layout.UPLOADS_PREFIX)).toBe(false);
  });

  test('is read backwards', () => {
    expect(layout.parseLinkKey(layout.layerLinkKey('a/b', digest))).toEqual({
      kind: 'layer',
      repository: 'a/b',
      digest,
    });
    expect(layout.parseLinkKey(layout.revisionLinkKey('a/b', digest))).toEqual({
      kind: 'revision',
      repository: 'a/b',
      digest,
    });
    expect(layout.parseLinkKey(layout.tagCurrentKey('a/b', 'v1'))).toEqual({
      kind: 'tag',
      repository: 'a/b',
      tag: 'v1',
    });
    expect(layout.parseLinkKey(layout.tagIndexKey('a/b', 'v1', digest))).toBeUndefined();
    expect(layout.parseLinkKey(layout.blobDataKey(digest))).toBeUndefined();
  });
});
