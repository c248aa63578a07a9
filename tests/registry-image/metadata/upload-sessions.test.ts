import { beforeEach, expect, test } from '@jest/globals';
import type { MetadataStore } from '../../../registry-image/src/metadata/metadata-store.ts';
import { describeOnEachBackend } from './index-backends.ts';

const upload = { id: 'u', repository: 'app', algorithm: 'sha256' };
const known = { bytes: 5, digest: 'sha256:of-five-bytes' };

describeOnEachBackend('uploads that several processes work on', (index) => {
  let first: MetadataStore;
  let second: MetadataStore;

  beforeEach(async () => {
    first = await index.open();
    second = await index.open();
  });

  test('are in hand of one process at a time', async () => {
    await first.uploads.add(upload, { busy: true });
    expect(await second.uploads.claim('app', 'u')).toBe('busy');
    expect(await first.uploads.release('u', known)).toBe(true);
    expect(await second.uploads.claim('app', 'u')).toMatchObject({ id: 'u' });
    expect(await first.uploads.claim('app', 'u')).toBe('busy');
  });

  test('are given to one of many that ask at once', async () => {
    await first.uploads.add(upload, { busy: false });
    const processes = [first, second, await index.open(), await index.open()];
    const answers = await Promise.all(processes.map(({ uploads }) => uploads.claim('app', 'u')));
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(3);
  });

  test('come with the digest of their bytes, and with who had them', async () => {
    await first.uploads.add(upload, { busy: true });
    await first.uploads.release('u', known);
    const holder = first.processes.id;
    const row = { id: 'u', repository: 'app', holder, hashed_bytes: known.bytes, digest: known.digest };
    expect(await second.uploads.claim('app', 'u')).toMatchObject(row);
    await second.uploads.release('u', undefined);
    const without = { holder: second.processes.id, hashed_bytes: null, digest: null };
    expect(await first.uploads.claim('app', 'u')).toMatchObject(without);
  });

  test('of a process that died at work are free, and their digest is not known', async () => {
    await first.uploads.add(upload, { busy: true });
    await first.uploads.release('u', known);
    await first.uploads.claim('app', 'u');
    await second.processes.bury(first.processes.id);
    const row = { holder: first.processes.id, hashed_bytes: null, digest: null };
    expect(await second.uploads.claim('app', 'u')).toMatchObject(row);
  });

  test('that were taken over are not released by who had them', async () => {
    await first.uploads.add(upload, { busy: true });
    await second.processes.bury(first.processes.id);
    await second.uploads.claim('app', 'u');
    expect(await first.uploads.release('u', known)).toBe(false);
    const third = await index.open();
    expect(await third.uploads.claim('app', 'u')).toBe('busy');
    await second.uploads.release('u', undefined);
    expect(await third.uploads.claim('app', 'u')).toMatchObject({ digest: null });
  });

  test('that a request of the same process has left in hand can be taken up again, their digest unknown', async () => {
    await first.uploads.add(upload, { busy: true });
    await first.uploads.release('u', known);
    await first.uploads.claim('app', 'u');
    expect(await first.uploads.claim('app', 'u')).toMatchObject({ hashed_bytes: null, digest: null });
  });

  test('are found in their repository alone, until they are gone', async () => {
    await first.uploads.add(upload, { busy: false });
    expect(await second.uploads.claim('other', 'u')).toBeUndefined();
    await second.uploads.delete('u');
    expect(await first.uploads.claim('app', 'u')).toBeUndefined();
    expect(await first.uploads.release('u', known)).toBe(false);
  });

  test('are idle from their last use on', async () => {
    await first.uploads.add(upload, { busy: true });
    const before = Date.now() + 1;
    expect(await second.uploads.listIdle(before)).toMatchObject([{ id: 'u' }]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await first.uploads.release('u', undefined);
    expect(await second.uploads.listIdle(before)).toEqual([]);
  });
});
