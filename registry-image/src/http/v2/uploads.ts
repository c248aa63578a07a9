import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Blobs } from '../../registry/blobs.ts';
import { type Digest, isDigestAlgorithm } from '../../registry/digest.ts';
import { parseRepositoryName, type RepositoryName, requireDigest } from '../../registry/reference.ts';
import type { UploadStatus, Uploads } from '../../registry/uploads.ts';
import { parseContentRange } from './content-range.ts';
import { type Locations, locationOf } from './location.ts';
import { queryValue, repositoryOf } from './parameters.ts';
import { bodyOf } from './request-body.ts';

export interface UploadRoutesOptions {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly locations: Locations;
}

/** `/v2/<name>/blobs/uploads/`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs */
export function uploadRoutes(app: FastifyInstance, { blobs, uploads, locations }: UploadRoutesOptions): void {
  const url = '/v2/:name/blobs/uploads/:id';

  app.route({
    method: 'POST',
    url: '/v2/:name/blobs/uploads',
    config: { access: 'push' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      const mount = queryValue(request, 'mount');
      if (mount !== undefined) {
        const digest = requireDigest(mount);
        const from = queryValue(request, 'from');
        const source = from === undefined ? undefined : parseRepositoryName(from);
        const mayPull = (name: string) => request.access.allows('repository', name, 'pull');
        if (await blobs.mount(repository, digest, source, mayPull)) return created(reply, repository, digest);
      }
      const digest = mount === undefined ? queryValue(request, 'digest') : undefined;
      const wanted = digest === undefined ? undefined : requireDigest(digest);
      if (wanted === undefined) {
        return accepted(reply, repository, await uploads.start(repository, algorithmOf(request)), 202);
      }
      await uploads.receive(repository, wanted, bodyOf(request));
      return created(reply, repository, wanted);
    },
  });

  app.route({
    method: ['GET', 'HEAD'],
    url,
    config: { access: 'push' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      return accepted(reply, repository, await uploads.status(repository, idOf(request)), 204);
    },
  });

  app.route({
    method: 'PATCH',
    url,
    config: { access: 'push' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      const upload = await inOrder(repository, idOf(request), () =>
        uploads.append(repository, idOf(request), bodyOf(request), chunkRangeOf(request)),
      );
      return accepted(reply, repository, upload, 202);
    },
  });

  app.route({
    method: 'PUT',
    url,
    config: { access: 'push' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      const digest = requireDigest(queryValue(request, 'digest') ?? '');
      await inOrder(repository, idOf(request), () =>
        uploads.finish(repository, idOf(request), digest, bodyOf(request), chunkRangeOf(request)),
      );
      return created(reply, repository, digest);
    },
  });

  app.route({
    method: 'DELETE',
    url,
    config: { access: 'push' },
    handler: async (request, reply) => {
      await uploads.cancel(repositoryOf(request), idOf(request));
      return reply.code(204).send();
    },
  });

  function created(reply: FastifyReply, repository: RepositoryName, digest: Digest) {
    return reply
      .code(201)
      .header('location', locationOf(locations, `/v2/${repository}/blobs/${digest}`))
      .header('docker-content-digest', digest)
      .send();
  }

  function accepted(reply: FastifyReply, repository: RepositoryName, upload: UploadStatus, status: number) {
    return reply.code(status).headers(progress(repository, upload)).send();
  }

  function progress(repository: RepositoryName, { id, size }: UploadStatus): Record<string, string> {
    return {
      location: locationOf(locations, `/v2/${repository}/blobs/uploads/${id}`),
      'docker-upload-uuid': id,
      range: `0-${Math.max(0, size - 1)}`,
    };
  }

  /** A chunk out of order is told where the upload goes on. */
  async function inOrder<T>(repository: RepositoryName, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'RANGE_INVALID') throw error;
      const headers = progress(repository, await uploads.status(repository, id));
      throw new RegistryError('RANGE_INVALID', { detail: error.detail, headers, cause: error });
    }
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function chunkRangeOf(request: FastifyRequest) {
  return parseContentRange(request.headers['content-range'], request.headers['content-length']);
}

/** The algorithm to hash with on the way: that of `digest-algorithm`, which newer clients send with the POST. */
function algorithmOf(request: FastifyRequest) {
  const algorithm = queryValue(request, 'digest-algorithm') ?? 'sha256';
  if (isDigestAlgorithm(algorithm)) return algorithm;
  throw new RegistryError('DIGEST_INVALID', {
    detail: `the digest algorithm "${algorithm}" is not known; allowed are sha256 and sha512`,
  });
}
