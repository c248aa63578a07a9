import type { IncomingMessage, ServerResponse } from 'node:http';
import { requirePermissions, type ServiceAccount } from './accounts.ts';
import type { Bucket, StoredObject } from './bucket.ts';
import { selectFields } from './partial-response.ts';
import { answerJson, invalid, notPlayed } from './refusal.ts';

/** What a rewrite that is not done yet has to be told again, encoded in its token. */
interface RewriteProgress {
  readonly from: string;
  readonly generation: string;
  readonly to: string;
  readonly copied: number;
}

/** Objects of the JSON API: https://cloud.google.com/storage/docs/json_api/v1/objects */
export function handleJson(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  bucket: Bucket,
  account: ServiceAccount,
): void {
  const query = url.searchParams;
  const answer = (value: unknown) => answerJson(response, selectFields(value, query.get('fields')));
  // /storage/v1/b/<bucket>/o/<object>/rewriteTo/b/<bucket>/o/<object>
  const [object, action, ...rest] = url.pathname.split('/').slice(6).map(decodeURIComponent);
  const { method } = request;
  if (method === 'GET' && object === undefined) {
    refuseUnknown(query, 'prefix', 'pageToken', 'maxResults');
    answer(list(bucket, account, query));
  } else if (method === 'GET' && action === undefined) {
    refuseUnknown(query);
    answer(resource(bucket, bucket.get(account, object as string)));
  } else if (method === 'DELETE' && action === undefined) {
    refuseUnknown(query);
    bucket.delete(account, object as string);
    response.writeHead(204).end();
  } else if (method === 'POST' && action === 'rewriteTo' && rest[1] === bucket.name) {
    refuseUnknown(query, 'rewriteToken');
    answer(rewrite(bucket, account, object as string, rest[3] as string, query.get('rewriteToken')));
  } else {
    throw notPlayed(`${method} ${url.pathname}`);
  }
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list */
function list(bucket: Bucket, account: ServiceAccount, query: URLSearchParams) {
  requirePermissions(account, 'storage.objects.list');
  const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString();
  const size = Math.min(Number(query.get('maxResults') ?? bucket.limits.pageSize), bucket.limits.pageSize);
  const names = bucket.names().filter((name) => name.startsWith(query.get('prefix') ?? ''));
  const start = after === '' ? 0 : names.findIndex((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0);
  const page = start < 0 ? [] : names.slice(start, start + size);
  const isLast = start < 0 || start + size >= names.length;
  return {
    kind: 'storage#objects',
    // Left out where there is none.
    ...(page.length > 0 && { items: page.map((name) => resource(bucket, bucket.peek(name) as StoredObject)) }),
    ...(!isLast && { nextPageToken: Buffer.from(page.at(-1) as string).toString('base64') }),
  };
}

/**
 * A large object takes several calls, each with the token of the one before it.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 */
function rewrite(bucket: Bucket, account: ServiceAccount, from: string, to: string, token: string | null) {
  const source = bucket.get(account, from);
  requirePermissions(account, 'storage.objects.create');
  const progress = token === null ? undefined : readToken(token);
  if (
    progress !== undefined &&
    (progress.from !== from || progress.to !== to || progress.generation !== source.generation)
  ) {
    throw invalid('The rewrite token belongs to another rewrite.');
  }
  const copied = Math.min((progress?.copied ?? 0) + bucket.limits.bytesPerRewrite, source.bytes.byteLength);
  const done = copied === source.bytes.byteLength;
  const said = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: String(copied),
    objectSize: String(source.bytes.byteLength),
    done,
  };
  if (done)
    return { ...said, resource: resource(bucket, bucket.put(account, to, source.bytes, source.md5 === undefined)) };
  const next: RewriteProgress = { from, to, generation: source.generation, copied };
  return { ...said, rewriteToken: Buffer.from(JSON.stringify(next)).toString('base64') };
}

function readToken(token: string): RewriteProgress {
  try {
    return JSON.parse(Buffer.from(token, 'base64').toString()) as RewriteProgress;
  } catch {
    throw invalid('Invalid rewrite token.');
  }
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects#resource, where whole numbers of 64 bits are text. */
function resource(bucket: Bucket, { name, bytes, generation, updated, md5, etag }: StoredObject) {
  return {
    kind: 'storage#object',
    name,
    bucket: bucket.name,
    generation,
    size: String(bytes.byteLength),
    timeCreated: updated.toISOString(),
    updated: updated.toISOString(),
    etag,
    ...(md5 !== undefined && { md5Hash: md5.toString('base64') }),
  };
}

function refuseUnknown(query: URLSearchParams, ...known: readonly string[]): void {
  const unknown = [...query.keys()].find((name) => name !== 'fields' && !known.includes(name));
  if (unknown !== undefined) throw notPlayed(`the parameter ${unknown}`);
}
