import { RegistryError } from '../../errors/registry-error.ts';
import type { ByteRange } from '../../registry/blobs.ts';
import type { ChunkRange } from '../../registry/uploads.ts';

/**
 * `Content-Range: 0-1023` of a chunk, without a unit.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
 *
 * @throws RegistryError RANGE_INVALID, SIZE_INVALID
 */
export function parseContentRange(
  header: string | undefined,
  contentLength: string | undefined,
): ChunkRange | undefined {
  if (header === undefined) return undefined;
  const match = /^(\d+)-(\d+)$/.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (!match || end < start) {
    throw new RegistryError('RANGE_INVALID', {
      detail: `the Content-Range "${header}" is not <first byte>-<last byte>, such as 0-1023`,
    });
  }
  if (contentLength !== undefined && Number(contentLength) !== end - start + 1) {
    throw new RegistryError('SIZE_INVALID', {
      detail: `the Content-Range "${header}" says ${end - start + 1} bytes, the Content-Length ${contentLength}`,
    });
  }
  return { start, end };
}

/**
 * The one range of a GET: https://www.rfc-editor.org/rfc/rfc9110#section-14.2. A header that is no byte range, or asks for several,
 * is answered with the whole.
 *
 * @returns `undefined` for the whole; `unsatisfiable` when no byte of it exists
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') {
    const length = Number(match[2]);
    return length === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size - 1 : Number(match[2]);
  return start >= size || end < start ? 'unsatisfiable' : { start, end: Math.min(end, size - 1) };
}
