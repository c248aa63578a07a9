import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../../errors/registry-error.ts';
import { parseRepositoryName, type RepositoryName } from '../../registry/reference.ts';
import type { Page } from '../../registry/tags.ts';

export interface RepositoryParams {
  readonly name: string;
}

/** @throws RegistryError NAME_INVALID */
export function repositoryOf(request: FastifyRequest): RepositoryName {
  return parseRepositoryName((request.params as RepositoryParams).name);
}

/** Every value of a query parameter. */
export function queryValues(request: FastifyRequest, name: string): readonly string[] {
  const value = (request.query as Record<string, string | string[] | undefined>)[name] ?? [];
  return Array.isArray(value) ? value : [value];
}

/** One value of a query parameter, the first where it is repeated. */
export function queryValue(request: FastifyRequest, name: string): string | undefined {
  return queryValues(request, name)[0];
}

/** Whether the request already has the content with this tag: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export function isFresh(request: FastifyRequest, etag: string): boolean {
  const wanted = request.headers['if-none-match'];
  if (wanted === undefined) return false;
  return wanted
    .split(',')
    .some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//, '') === etag);
}

/**
 * `n` and `last`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
 *
 * @param maximum names of one page, which is what is answered without `n`
 * @throws RegistryError PAGINATION_NUMBER_INVALID
 */
export function pageOf(request: FastifyRequest, maximum: number): Page {
  const n = queryValue(request, 'n');
  if (n !== undefined && !/^\d{1,15}$/.test(n)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', {
      detail: `n is "${n}"; allowed is a whole number from 0 (at most ${maximum} are answered in one page)`,
    });
  }
  const last = queryValue(request, 'last');
  return {
    limit: n === undefined ? maximum : Math.min(Number(n), maximum),
    ...(last === undefined ? {} : { after: last }),
  };
}

/** RFC 8288 link to the page after these names; none after the last page, or when nothing was asked for. */
export function nextPageLink(path: string, page: Page, names: readonly string[], more: boolean): string | undefined {
  const last = names.at(-1);
  if (!more || last === undefined) return undefined;
  return `<${path}?${new URLSearchParams({ n: String(page.limit), last })}>; rel="next"`;
}
