import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { requirePermissions, type ServiceAccount } from './accounts.ts';
import type { Bucket, StoredObject } from './bucket.ts';
import { answerXml, notPlayed, Refusal } from './refusal.ts';

/** Fields of a signed URL, which every request may have: https://cloud.google.com/storage/docs/xml-api/reference-headers */
const SIGNATURE_FIELD = /^X-Goog-/;

/** Objects of the XML API: https://cloud.google.com/storage/docs/xml-api/overview */
export async function handleXml(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  bucket: Bucket,
  name: string,
  account: ServiceAccount,
): Promise<void> {
  const parameters = [...query.keys()].filter((parameter) => !SIGNATURE_FIELD.test(parameter)).sort();
  switch (`${request.method} ${parameters.join('&')}`.trim()) {
    case 'GET':
    case 'HEAD':
      return send(request, response, bucket.get(account, name));
    case 'PUT': {
      const object = bucket.put(account, name, await body(request));
      response.writeHead(200, headersOf(object)).end();
      return;
    }
    case 'POST uploads': {
      requirePermissions(account, 'storage.multipartUploads.create', 'storage.objects.create');
      const id = bucket.uploads.begin(name);
      answerXml(
        response,
        `<InitiateMultipartUploadResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Bucket>${bucket.name}</Bucket><Key>${name}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
      return;
    }
    case 'PUT partNumber&uploadId': {
      requirePermissions(account, 'storage.multipartUploads.create', 'storage.objects.create');
      const etag = bucket.uploads.putPart(name, uploadId(query), Number(query.get('partNumber')), await body(request));
      response.writeHead(200, { etag }).end();
      return;
    }
    case 'POST uploadId': {
      requirePermissions(account, 'storage.multipartUploads.create', 'storage.objects.create');
      const bytes = bucket.uploads.gather(name, uploadId(query), (await body(request)).toString());
      const { etag } = bucket.put(account, name, bytes, true);
      bucket.uploads.end(name, uploadId(query));
      answerXml(
        response,
        `<CompleteMultipartUploadResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Bucket>${bucket.name}</Bucket><Key>${name}</Key><ETag>&quot;${etag}&quot;</ETag></CompleteMultipartUploadResult>`,
      );
      return;
    }
    case 'DELETE uploadId':
      requirePermissions(account, 'storage.multipartUploads.abort');
      bucket.uploads.end(name, uploadId(query));
      response.writeHead(204).end();
      return;
    default:
      throw notPlayed(`${request.method} with ${parameters.join(', ')}`);
  }
}

/** A whole object or one range of it: https://cloud.google.com/storage/docs/xml-api/get-object-download */
function send(request: IncomingMessage, response: ServerResponse, object: StoredObject): void {
  const size = object.bytes.byteLength;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const isRange = first !== '' || last !== '';
  const start = first === '' ? Math.max(0, size - Number(last || size)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
  if (isRange && start >= size) {
    throw new Refusal(416, 'requestedRangeNotSatisfiable', 'InvalidRange', 'The requested range cannot be satisfied.');
  }
  response.writeHead(isRange ? 206 : 200, {
    ...headersOf(object),
    'content-type': 'application/octet-stream',
    'content-length': String(end - start),
    'last-modified': object.updated.toUTCString(),
    ...(isRange && { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : object.bytes.subarray(start, end));
}

function headersOf({ generation, etag, md5 }: StoredObject): Record<string, string> {
  return {
    etag: `"${etag}"`,
    'x-goog-generation': generation,
    ...(md5 !== undefined && { 'x-goog-hash': `md5=${md5.toString('base64')}` }),
  };
}

/** The body of a request, refused when it is not what its checksum says. */
async function body(request: IncomingMessage): Promise<Buffer> {
  if (request.headers['content-length'] === undefined) {
    throw new Refusal(411, 'lengthRequired', 'MissingContentLength', 'You must provide the Content-Length header.');
  }
  const bytes = await buffer(request);
  const sent = request.headers['content-md5'];
  if (sent !== undefined && sent !== createHash('md5').update(bytes).digest('base64')) {
    throw new Refusal(400, 'invalid', 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  return bytes;
}

function uploadId(query: URLSearchParams): string {
  return query.get('uploadId') as string;
}
