import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { abHead } from '../../scripts/bench/load/ab.ts';
import { walkCatalog } from '../../scripts/bench/load/catalog.ts';
import { pull } from '../../scripts/bench/load/pull.ts';
import { push } from '../../scripts/bench/load/push.ts';
import { type GetLoad, type Traffic, wrk } from '../../scripts/bench/load/wrk.ts';
import { describeWith } from '../support/requirements.ts';
import { BLOB, PAGES, type RegistryDouble, startRegistryDouble, TOKEN } from './registry-double.ts';

let registry: RegistryDouble;
beforeEach(async () => {
  registry = await startRegistryDouble();
});
afterEach(() => registry.stop());

describe('pushes', () => {
  const job = { token: TOKEN, repository: 'pushed/blobs', count: 5, size: 100_000, connections: 2 };

  test('arrive whole, each with bytes of its own, after the word is given', async () => {
    let before = -1;
    const done = await push({ ...job, url: registry.url }, async () => {
      before = registry.pushed.length;
    });
    expect(before).toBe(0);
    expect(new Set(done.digests).size).toBe(5);
    expect(registry.pushed.toSorted()).toEqual(done.digests.toSorted());
    expect(done.milliseconds).toHaveLength(5);
  });

  test('that are refused fail, with the answer', async () => {
    await expect(push({ ...job, url: registry.url, token: 'wrong' })).rejects.toThrow(/POST .*401/);
  });
});

describe('the catalog', () => {
  test('is walked to its last page', async () => {
    expect(await walkCatalog(registry.url, TOKEN, 2)).toEqual(PAGES.flat());
  });

  test('that is refused fails, with the answer', async () => {
    await expect(walkCatalog(registry.url, 'wrong', 2)).rejects.toThrow('401');
  });
});

/** Every tool counts what it got, and takes nothing but a 200 for an answer. */
function countsRightly(load: (load: GetLoad) => Promise<Traffic>, bytesPerAnswer: number) {
  const options = { token: TOKEN, connections: 2, seconds: 1 };

  test('counts answers and bytes', async () => {
    const { requests, bytes, seconds } = await load({ ...options, url: `${registry.url}/blob` });
    expect(requests).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThanOrEqual(requests * bytesPerAnswer);
    expect(seconds).toBeGreaterThan(0.5);
  });

  test.each([
    ['not there', { path: '/nothing', token: TOKEN }],
    ['not allowed', { path: '/blob', token: 'wrong' }],
  ])('fails for what is %s', async (_what, { path, token }) => {
    await expect(load({ ...options, token, url: `${registry.url}${path}` })).rejects.toThrow(registry.url);
  });
}

describeWith(['wrk'], 'wrk', () => countsRightly(wrk, BLOB.length));
describeWith(['python3'], 'the client that drops what it gets', () => countsRightly(pull, BLOB.length));
describeWith(['ab'], 'ab', () => countsRightly(abHead, 0));
