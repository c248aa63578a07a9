// A store that speaks as much of the protocol of S3 as this server does, for layers of many gigabytes: parts are files, and what is
// made or copied of them refers to these files, so that nothing is held in memory and nothing is written twice. It takes any signature.
//
//     node scripts/soak/s3-stand-in.ts <directory> <port>
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

/** Part of a file. */
interface Slice {
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

interface StoredObject {
  readonly slices: readonly Slice[];
  readonly modified: Date;
}

interface Answer {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | readonly Slice[];
}

const [directory = '.', port = '0'] = process.argv.slice(2);
const objects = new Map<string, StoredObject>();
const uploads = new Map<string, Map<number, readonly Slice[]>>();

http
  .createServer((request, response) => {
    answerTo(request)
      .then((answer) => send(answer, request.method === 'HEAD', response))
      .catch((error: Error) => {
        // The server under test is killed in the middle of its requests.
        if (!response.headersSent) response.writeHead(500);
        response.end(error.message);
      });
  })
  .listen(Number(port), '127.0.0.1');

async function answerTo(request: http.IncomingMessage): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url as string, 'http://localhost');
  const key = decodeURIComponent(pathname).split('/').slice(2).join('/');
  const uploadId = searchParams.get('uploadId');
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return key === '' ? list(searchParams.get('prefix') ?? '') : read(key, request.headers.range);
    case 'PUT':
      return uploadId === null ? put(request, key) : putPart(request, uploadId, Number(searchParams.get('partNumber')));
    case 'POST':
      return uploadId === null ? begin() : complete(key, uploadId, await text(request));
    case 'DELETE':
      if (uploadId === null) objects.delete(key);
      else uploads.delete(uploadId);
      return { status: 204 };
    default:
      return { status: 405 };
  }
}

function list(prefix: string): Answer {
  const contents = [...objects]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, { slices, modified }]) => {
      return `<Contents><Key>${key}</Key><Size>${sizeOf(slices)}</Size><LastModified>${modified.toISOString()}</LastModified></Contents>`;
    });
  return { status: 200, body: xml('ListBucketResult', `<IsTruncated>false</IsTruncated>${contents.join('')}`) };
}

function read(key: string, range: string | undefined): Answer {
  const object = objects.get(key);
  if (object === undefined) return { status: 404, body: xml('Error', '<Code>NoSuchKey</Code>') };
  const size = sizeOf(object.slices);
  const headers = { 'Last-Modified': object.modified.toUTCString(), ETag: '"0"' };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined) return { status: 200, headers, body: object.slices };
  const start = Number(first);
  if (start >= size) return { status: 416, body: xml('Error', '<Code>InvalidRange</Code>') };
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  const partHeaders = { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${size}` };
  return { status: 206, headers: partHeaders, body: cut(object.slices, start, end) };
}

async function put(request: http.IncomingMessage, key: string): Promise<Answer> {
  const copied = sourceOf(request);
  objects.set(key, { slices: copied ?? (await receive(request)), modified: new Date() });
  return copied === undefined
    ? { status: 200, headers: { ETag: '"0"' } }
    : { status: 200, body: xml('CopyObjectResult', '<ETag>"0"</ETag>') };
}

async function putPart(request: http.IncomingMessage, uploadId: string, number: number): Promise<Answer> {
  const copied = sourceOf(request);
  const slices = copied ?? (await receive(request));
  uploads.get(uploadId)?.set(number, slices);
  return copied === undefined
    ? { status: 200, headers: { ETag: `"${number}"` } }
    : { status: 200, body: xml('CopyPartResult', `<ETag>"${number}"</ETag>`) };
}

function begin(): Answer {
  const id = randomUUID();
  uploads.set(id, new Map());
  return { status: 200, body: xml('InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`) };
}

function complete(key: string, uploadId: string, body: string): Answer {
  const parts = uploads.get(uploadId);
  if (parts === undefined) return { status: 404, body: xml('Error', '<Code>NoSuchUpload</Code>') };
  const numbers = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
  objects.set(key, { slices: numbers.flatMap((number) => parts.get(number) ?? []), modified: new Date() });
  uploads.delete(uploadId);
  return { status: 200, body: xml('CompleteMultipartUploadResult', `<Key>${key}</Key><ETag>"0"</ETag>`) };
}

/** What a request copies; `undefined` when it brings its own bytes. */
function sourceOf({ headers }: http.IncomingMessage): readonly Slice[] | undefined {
  const source = headers['x-amz-copy-source'];
  if (typeof source !== 'string') return undefined;
  const key = decodeURIComponent(source).replace(/^\//, '').split('/').slice(1).join('/');
  const slices = objects.get(key)?.slices;
  if (slices === undefined) throw new Error(`there is no ${key} to be copied`);
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-amz-copy-source-range'] ?? '')) ?? [];
  return first === undefined ? slices : cut(slices, Number(first), Number(last) + 1);
}

async function receive(request: http.IncomingMessage): Promise<readonly Slice[]> {
  const file = path.join(directory, randomUUID());
  const target = createWriteStream(file);
  await pipeline(request, target);
  return [{ file, start: 0, length: target.bytesWritten }];
}

function cut(slices: readonly Slice[], start: number, end: number): readonly Slice[] {
  let position = 0;
  return slices.flatMap((slice) => {
    const from = Math.max(start - position, 0);
    const to = Math.min(end - position, slice.length);
    position += slice.length;
    return to > from ? [{ file: slice.file, start: slice.start + from, length: to - from }] : [];
  });
}

function sizeOf(slices: readonly Slice[]): number {
  return slices.reduce((sum, { length }) => sum + length, 0);
}

async function send({ status, headers = {}, body = '' }: Answer, isHead: boolean, response: http.ServerResponse) {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : sizeOf(body);
  response.writeHead(status, { 'Content-Length': length, ...headers });
  if (isHead || typeof body === 'string') response.end(isHead ? '' : body);
  else await pipeline(Readable.from(bytesOf(body)), response);
}

async function* bytesOf(slices: readonly Slice[]): AsyncGenerator<Buffer> {
  for (const { file, start, length } of slices) {
    if (length > 0) yield* createReadStream(file, { start, end: start + length - 1, highWaterMark: 1024 ** 2 });
  }
}

function xml(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${content}</${root}>`;
}
