import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { RegistryErrorCode } from '../../../registry-image/src/errors/codes.ts';
import type { HttpResponse } from '../../support/http-client.ts';
import type { Content } from '../../support/oci-image.ts';
import type { RegistryClient } from '../../support/registry-client.ts';

/** The registry under test, which is there only once the tests run. */
export type Registry = () => RegistryClient;

/** A repository that no other test uses. */
export function newRepository(purpose: string): string {
  return `conformance/${purpose}-${randomBytes(6).toString('hex')}`;
}

interface ErrorBody {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly detail?: unknown }[];
}

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes */
export function expectError(answer: HttpResponse, status: number, ...codes: RegistryErrorCode[]): ErrorBody['errors'] {
  expect({ status: answer.status, type: answer.headers['content-type'] }).toEqual({
    status,
    type: expect.stringMatching(/^application\/json/),
  });
  const { errors } = answer.json<ErrorBody>();
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(codes).toContain(error.code);
    expect(error.message).toEqual(expect.stringMatching(/\S/));
  }
  expect(answer.header('Content-Length')).toBe(String(answer.body.length));
  return errors;
}

/** The blob is there, whole, by HEAD and by GET. */
export async function expectBlob(client: RegistryClient, repository: string, blob: Content): Promise<void> {
  const head = await client.head(`/v2/${repository}/blobs/${blob.digest}`);
  expect(head.status).toBe(200);
  expect(head.header('Content-Length')).toBe(String(blob.bytes.length));
  expect(head.header('Docker-Content-Digest')).toBe(blob.digest);
  const answer = await client.get(`/v2/${repository}/blobs/${blob.digest}`);
  expect(answer.status).toBe(200);
  expect(answer.header('Content-Length')).toBe(String(blob.bytes.length));
  expect(answer.body.equals(blob.bytes)).toBe(true);
}

/** The repository has no such blob. */
export async function expectNoBlob(client: RegistryClient, repository: string, digest: string): Promise<void> {
  expect((await client.head(`/v2/${repository}/blobs/${digest}`)).status).toBe(404);
  const answer = await client.get(`/v2/${repository}/blobs/${digest}`);
  expectError(answer, 404, 'BLOB_UNKNOWN', 'NAME_UNKNOWN');
}

/** A finished push of a blob, whose Location serves it. */
export async function expectPushed(client: RegistryClient, answer: HttpResponse, blob: Content): Promise<void> {
  expect({ status: answer.status, body: answer.text }).toEqual({ status: 201, body: '' });
  expect(answer.header('Docker-Content-Digest')).toBe(blob.digest);
  const location = answer.header('Location');
  expect(location).toMatch(/^\//);
  expect((await client.get(location)).body.equals(blob.bytes)).toBe(true);
}

/** The manifest is there, byte by byte and with its type, by HEAD and by GET. */
export async function expectManifest(
  client: RegistryClient,
  repository: string,
  reference: string,
  manifest: Content,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const expected = {
    'content-type': manifest.mediaType,
    'content-length': String(manifest.bytes.length),
    'docker-content-digest': manifest.digest,
  };
  const headers = { Accept: manifest.mediaType };
  const head = await client.head(path, headers);
  expect(head.status).toBe(200);
  expect(head.headers).toMatchObject(expected);
  const answer = await client.get(path, headers);
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject(expected);
  expect(answer.body.equals(manifest.bytes)).toBe(true);
}

/** The repository has no manifest at this tag or digest. */
export async function expectNoManifest(client: RegistryClient, repository: string, reference: string): Promise<void> {
  expect((await client.head(`/v2/${repository}/manifests/${reference}`)).status).toBe(404);
  const answer = await client.get(`/v2/${repository}/manifests/${reference}`);
  expectError(answer, 404, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN');
}
