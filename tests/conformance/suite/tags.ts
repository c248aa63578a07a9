import { beforeAll, describe, expect, test } from '@jest/globals';
import type { HttpResponse } from '../../support/http-client.ts';
import { image } from '../../support/oci-image.ts';
import type { RegistryClient } from '../../support/registry-client.ts';
import { expectError, newRepository, type Registry } from './expectations.ts';

/** The address of the next page (https://www.rfc-editor.org/rfc/rfc8288), or `undefined` on the last one. */
function nextPage(answer: HttpResponse): string | undefined {
  const { link } = answer.headers;
  if (link === undefined) return undefined;
  const [, target] = /^<([^>]+)>; ?rel="?next"?$/.exec(String(link)) ?? [];
  if (target === undefined) throw new Error(`not a Link to a next page: ${link}`);
  return target;
}

/** Follows Link from page to page. */
async function pages<T>(client: RegistryClient, first: string, read: (answer: HttpResponse) => T): Promise<T[]> {
  const found: T[] = [];
  for (let next: string | undefined = first; next !== undefined; ) {
    const answer: HttpResponse = await client.get(next);
    expect(answer.status).toBe(200);
    found.push(read(answer));
    next = nextPage(answer);
  }
  return found;
}

/** end-8a, end-8b: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags */
export function tagsSuite(registry: Registry): void {
  describe('end-8: listing tags', () => {
    const repository = newRepository('tags');
    const pushed = ['v1', 'v10', 'v2', 'Alpha', 'alpha', '_1', '0.1'];
    /** As the specification wants them: in lexical order, which is that of the bytes. */
    const sorted = ['0.1', 'Alpha', '_1', 'alpha', 'v1', 'v10', 'v2'];
    const path = `/v2/${repository}/tags/list`;
    const read = (answer: HttpResponse) => answer.json<{ name: string; tags: string[] }>().tags;

    beforeAll(async () => {
      const tagged = image({ layers: 1 });
      for (const tag of pushed) await registry().pushImage(repository, tagged, tag);
    });

    test('all tags in lexical order', async () => {
      const answer = await registry().get(path);
      expect(answer.status).toBe(200);
      expect(answer.header('Content-Type')).toMatch(/^application\/json/);
      expect(answer.json()).toEqual({ name: repository, tags: sorted });
      expect(answer.headers.link).toBeUndefined();
    });

    test('n limits the page, and Link leads to the next one', async () => {
      const answer = await registry().get(`${path}?n=3`);
      expect(read(answer)).toEqual(sorted.slice(0, 3));
      const next = new URL(nextPage(answer) as string, 'http://registry');
      expect(next.pathname).toBe(path);
      expect(Object.fromEntries(next.searchParams)).toEqual({ n: '3', last: '_1' });
    });

    test.each([1, 2, 3, 7, 100])('pages of %d make up the whole list, each tag once', async (n) => {
      const found = await pages(registry(), `${path}?n=${n}`, read);
      expect(found.flat()).toEqual(sorted);
      expect(found.every((page) => page.length <= n)).toBe(true);
    });

    test('the last page has no Link, full or not', async () => {
      expect((await registry().get(`${path}?n=${sorted.length}`)).headers.link).toBeUndefined();
      expect((await registry().get(`${path}?n=3&last=alpha`)).headers.link).toBeUndefined();
    });

    test('last alone gives all that come after it, whether it exists or not', async () => {
      expect(read(await registry().get(`${path}?last=alpha`))).toEqual(['v1', 'v10', 'v2']);
      expect(read(await registry().get(`${path}?last=v11`))).toEqual(['v2']);
      expect(read(await registry().get(`${path}?last=zzz`))).toEqual([]);
    });

    test('n=0 is an empty list', async () => {
      const answer = await registry().get(`${path}?n=0`);
      expect(answer.json()).toEqual({ name: repository, tags: [] });
      expect(answer.headers.link).toBeUndefined();
    });

    test.each(['-1', 'many', '1.5', '1e3'])('n=%s is refused', async (n) => {
      expectError(await registry().get(`${path}?n=${n}`), 400, 'PAGINATION_NUMBER_INVALID');
    });

    test('a repository that does not exist is NAME_UNKNOWN', async () => {
      expectError(await registry().get(`/v2/${newRepository('none')}/tags/list`), 404, 'NAME_UNKNOWN');
    });

    test('a repository whose manifests have no tag has an empty list', async () => {
      const untagged = newRepository('untagged');
      await registry().pushImage(untagged, image({ layers: 1 }));
      expect(await registry().tags(untagged)).toEqual([]);
    });
  });

  // https://distribution.github.io/distribution/spec/api/#listing-repositories
  describe('GET /v2/_catalog', () => {
    const read = (answer: HttpResponse) => answer.json<{ repositories: string[] }>().repositories;
    const names = ['one', 'three', 'two'].map((name) => newRepository(`catalog-${name}`));

    beforeAll(async () => {
      for (const name of names) await registry().pushImage(name, image({ layers: 1 }), 'latest');
    });

    test('lists every repository in lexical order, page by page', async () => {
      const found = (await pages(registry(), '/v2/_catalog?n=2', read)).flat();
      expect(found).toEqual(expect.arrayContaining(names));
      expect(found).toEqual([...new Set(found)].sort());
    });

    test('last gives those that come after it', async () => {
      const [first, second, third] = names as [string, string, string];
      const found = read(await registry().get(`/v2/_catalog?n=1000&last=${encodeURIComponent(first)}`));
      expect(found).toEqual(expect.arrayContaining([second, third]));
      expect(found).not.toContain(first);
    });

    test.each(['-1', 'many', '999999999999999999999'])('n=%s is refused or kept within bounds', async (n) => {
      const answer = await registry().get(`/v2/_catalog?n=${n}`);
      if (answer.status !== 200) expectError(answer, 400, 'PAGINATION_NUMBER_INVALID');
      else expect(read(answer).length).toBeLessThanOrEqual(1000);
    });
  });
}
