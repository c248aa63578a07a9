import { pipeline, type Readable, Transform } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';

/**
 * The bytes of a range, out of an answer that may hold more: some stores send the whole object where a range is not quite within
 * it (https://www.alibabacloud.com/help/en/oss/developer-reference/getobject, Range), and some wherever they like.
 *
 * @param end left out for all that follows
 * @throws Error when the answer is another range than was asked for
 */
export function bytesOfRange(answer: GetObjectCommandOutput, start: number, end: number | undefined): Readable {
  const body = answer.Body as Readable;
  if (answer.ContentRange === undefined) return start === 0 && end === undefined ? body : cut(body, start, end);
  if (answer.ContentRange.startsWith(`bytes ${start}-`)) return body;
  body.destroy();
  throw new Error(`the store was asked for the bytes from ${start} on, and answered with "${answer.ContentRange}"`);
}

function cut(body: Readable, start: number, end = Number.POSITIVE_INFINITY): Readable {
  let position = 0;
  const part = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const from = Math.max(0, start - position);
      const to = Math.min(chunk.byteLength, end + 1 - position);
      position += chunk.byteLength;
      done(null, from < to ? chunk.subarray(from, to) : undefined);
    },
  });
  // A failure of one side ends the other; the reader of the part is told.
  return pipeline(body, part, () => {});
}
