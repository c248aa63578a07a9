import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/schema.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Blobs, ByteRange } from '../../registry/blobs.ts';
import type { Digest } from '../../registry/digest.ts';
import { requireDigest } from '../../registry/reference.ts';
import { accelPath, leavesByNginx } from './accel.ts';
import { parseRange } from './content-range.ts';
import { sendObject } from './object-body.ts';
import { isFresh, repositoryOf } from './parameters.ts';
import { redirectRule } from './redirect.ts';

export interface BlobRoutesOptions {
  readonly blobs: Blobs;
  readonly redirect: Config['storage']['redirect'];
  readonly accelredirect: Config['http']['accelredirect'];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** How the bytes of a blob reach the client, for the log: from the store, from nginx, or from here. */
    delivery?: 'redirected' | 'accelerated' | 'direct';
  }
}

/** `/v2/<name>/blobs/<digest>`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs */
export function blobRoutes(app: FastifyInstance, { blobs, redirect, accelredirect }: BlobRoutesOptions): void {
  const mayRedirect = redirectRule(redirect);
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
      if (mayRedirect(request)) {
        const target = await blobs.redirectUrl(digest, { method: 'GET', expiresIn: redirect.expirydelay });
        if (target !== undefined) {
          request.delivery = 'redirected';
          // The URL lets whoever has it read: no cache may keep it.
          reply.header('docker-content-digest', digest).header('cache-control', 'no-store');
          return reply.redirect(target.href, 307);
        }
      }
      const range = rangeOf(request, digest, size);
      setHeaders(reply, digest);
      if (leavesByNginx(request, size, accelredirect)) {
        const path = await blobs.filePath(digest);
        if (path !== undefined) {
          request.delivery = 'accelerated';
          // nginx says by itself of a whole that it has parts, not so of a part.
          if (range === undefined) reply.removeHeader('accept-ranges');
          reply.header('x-accel-redirect', accelPath(accelredirect.prefix, path));
          return reply.send();
        }
      }
      request.delivery = 'direct';
      return sendBlob(reply, blobs, digest, size, range);
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

/** The part that is asked for, unless of another content: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5 */
function rangeOf({ headers }: FastifyRequest, digest: Digest, size: number): ByteRange | undefined {
  const ifRange = headers['if-range'];
  if (ifRange !== undefined && ifRange !== `"${digest}"`) return undefined;
  const range = parseRange(headers.range, size);
  if (range !== 'unsatisfiable') return range;
  throw new RegistryError('RANGE_INVALID', {
    detail: `the range "${headers.range}" is outside of the blob, which has ${size} bytes`,
    headers: { 'content-range': `bytes */${size}` },
  });
}

async function sendBlob(reply: FastifyReply, blobs: Blobs, digest: Digest, size: number, range?: ByteRange) {
  if (range !== undefined) {
    reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`);
  }
  const small = await blobs.readSmall(digest, size);
  if (small !== undefined) return reply.send(range === undefined ? small : small.subarray(range.start, range.end + 1));
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
