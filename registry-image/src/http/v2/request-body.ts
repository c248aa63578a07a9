import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../../errors/registry-error.ts';

/** The bytes of a request as they come. A reader that stops early leaves the connection open, so that the answer still arrives. */
export function bodyOf(request: FastifyRequest): AsyncIterable<Buffer> {
  return request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/**
 * A whole small body, with or without a Content-Length.
 *
 * @throws RegistryError MANIFEST_TOO_LARGE past `limit` bytes
 */
export async function readManifestBody(request: FastifyRequest, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(request)) {
    size += chunk.length;
    if (size > limit) {
      throw new RegistryError('MANIFEST_TOO_LARGE', { detail: `a manifest may have at most ${limit} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
