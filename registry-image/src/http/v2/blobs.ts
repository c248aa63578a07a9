import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Blobs } from '../../registry/blobs.ts';
import type { Digest } from '../../registry/digest.ts';
import { requireDigest } from '../../registry/reference.ts';
import { parseRange } from './content-range.ts';
import { sendObject } from './object-body.ts';
import { isFresh, repositoryOf } from './parameters.ts';

export interface BlobRoutesOptions {
  readonly blobs: Blobs;
  readonly redirect: {
    readonly disabled: boolean;
    /** Milliseconds that a signed URL is good for. */
    readonly expiresIn: number;
  };
}

/** `/v2/<name>/blobs/<digest>`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs */
export function blobRoutes(app: FastifyInstance, { blobs, redirect }: BlobRoutesOptions): void {
  const url = '/v2/:name/blobs/:digest';

  app.route({
    method: 'HEAD',
    url,
    config: { access: 'pull' },
    handler: async (request, reply) => {
      const digest = digestOf(request);
      const size = await blobs.stat(repositoryOf(request), digest);
      setHeaders(reply, digest);
      if (isFresh(request, `"${digest}"`)) return reply.code(304).send();
      return reply.header('content-length', size).send();
    },
  });

  app.route({
    method: 'GET',
    url,
    config: { access: 'pull' },
    handler: async (request, reply) => {
      const digest = digestOf(request);
      const size = await blobs.stat(repositoryOf(request), digest);
      if (isFresh(request, `"${digest}"`)) {
        setHeaders(reply, digest);
        return reply.code(304).send();
      }
      if (!redirect.disabled) {
        const target = await blobs.redirectUrl(digest, { method: 'GET', expiresIn: redirect.expiresIn });
        if (target !== undefined) {
          return reply.header('docker-content-digest', digest).redirect(target.href, 307);
        }
      }
      return sendBlob(request, reply, blobs, digest, size);
    },
  });

  app.route({
    method: 'DELETE',
    url,
    config: { access: 'delete' },
    handler: async (request, reply) => {
      const digest = digestOf(request);
      await blobs.delete(repositoryOf(request), digest);
      return reply.code(202).header('docker-content-digest', digest).send();
    },
  });
}

async function sendBlob(request: FastifyRequest, reply: FastifyReply, blobs: Blobs, digest: Digest, size: number) {
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', {
      detail: `the range "${request.headers.range}" is outside of the blob, which has ${size} bytes`,
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  setHeaders(reply, digest);
  if (range !== undefined) {
    reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`);
  }
  const object = await blobs.read(digest, range);
  reply.header('content-length', range === undefined ? size : range.end - range.start + 1);
  return sendObject(reply, object);
}

function digestOf(request: FastifyRequest): Digest {
  return requireDigest((request.params as { digest: string }).digest);
}

function setHeaders(reply: FastifyReply, digest: Digest): void {
  reply
    .type('application/octet-stream')
    .header('docker-content-digest', digest)
    .header('etag', `"${digest}"`)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, max-age=31536000, immutable');
}
