import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Manifests, StoredManifest } from '../../registry/manifests.ts';
import { parseReference, parseTag, type Reference } from '../../registry/reference.ts';
import { MAX_MANIFEST_BYTES } from '../../registry/repository-storage.ts';
import type { Tags } from '../../registry/tags.ts';
import { type Locations, locationOf } from './location.ts';
import { isFresh, queryValues, repositoryOf } from './parameters.ts';
import { readManifestBody } from './request-body.ts';

export interface ManifestRoutesOptions {
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly locations: Locations;
}

/** `/v2/<name>/manifests/<reference>`: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export function manifestRoutes(app: FastifyInstance, { manifests, tags, locations }: ManifestRoutesOptions): void {
  const url = '/v2/:name/manifests/:reference';

  app.route({
    method: ['GET', 'HEAD'],
    url,
    config: { access: 'pull' },
    handler: async (request, reply) => {
      const manifest = await manifests.find(repositoryOf(request), referenceOf(request));
      setHeaders(reply, manifest);
      if (isFresh(request, etagOf(manifest))) return reply.code(304).send();
      if (request.method === 'HEAD') return reply.header('content-length', manifest.size).send();
      return reply.send(await manifests.read(manifest.digest));
    },
  });

  app.route({
    method: 'PUT',
    url,
    config: { access: 'push' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      const reference = referenceOf(request);
      const contentType = request.headers['content-type']?.split(';')[0]?.trim();
      const body = await readManifestBody(request, MAX_MANIFEST_BYTES);
      const tags = queryValues(request, 'tag').map(parseTag);
      const { digest, subject } = await manifests.put(repository, reference, body, { contentType, tags });
      if (tags.length > 0) reply.header('oci-tag', tags);
      if (subject !== undefined) reply.header('oci-subject', subject);
      return reply
        .code(201)
        .header('location', locationOf(locations, `/v2/${repository}/manifests/${digest}`))
        .header('docker-content-digest', digest)
        .send();
    },
  });

  app.route({
    method: 'DELETE',
    url,
    config: { access: 'delete' },
    handler: async (request, reply) => {
      const repository = repositoryOf(request);
      const reference = referenceOf(request);
      if ('tag' in reference) await tags.delete(repository, reference.tag);
      else await manifests.delete(repository, reference.digest);
      return reply.code(202).send();
    },
  });
}

function referenceOf(request: FastifyRequest): Reference {
  return parseReference((request.params as { reference: string }).reference);
}

function etagOf({ digest }: StoredManifest): string {
  return `"${digest}"`;
}

function setHeaders(reply: FastifyReply, manifest: StoredManifest): void {
  reply
    .type(manifest.mediaType)
    .header('docker-content-digest', manifest.digest)
    .header('etag', etagOf(manifest))
    // Stored types are served as they are; no sniffing of what a manifest may look like.
    .header('x-content-type-options', 'nosniff');
}
