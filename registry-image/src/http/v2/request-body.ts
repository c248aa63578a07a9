import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../../errors/registry-error.ts';

/** How long a client may send nothing in the middle of a body. */
const IDLE_MS = 60_000;

/**
 * The bytes of a request as they come. A reader that stops early leaves the connection open, so that the answer still arrives.
 *
 * A client that has vanished without a word, as behind a router that lost its tables, is given up after `idleMs`: until then its
 * upload would be kept from the connection that wants to go on with it. Time that the reader takes does not count.
 */
export async function* bodyOf({ raw }: Pick<FastifyRequest, 'raw'>, idleMs = IDLE_MS): AsyncGenerator<Buffer> {
  let isWaiting = true;
  const timer = setTimeout(() => {
    if (isWaiting) raw.destroy(new Error(`no byte of the body came for ${idleMs} ms`));
  }, idleMs);
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      isWaiting = false;
      yield chunk as Buffer;
      isWaiting = true;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
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
