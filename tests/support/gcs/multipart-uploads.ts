import { createHash, randomBytes } from 'node:crypto';
import { invalid, Refusal } from './refusal.ts';

const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PARTS = 10_000;

interface Part {
  readonly bytes: Buffer;
  readonly etag: string;
}

interface Upload {
  readonly name: string;
  readonly parts: Map<number, Part>;
}

/** The uploads in progress of a bucket, with their limits: https://cloud.google.com/storage/docs/multipart-uploads */
export class MultipartUploads {
  readonly #uploads = new Map<string, Upload>();

  /** Ids of the uploads that were begun, and neither completed nor aborted. */
  get ids(): string[] {
    return [...this.#uploads.keys()];
  }

  begin(name: string): string {
    // Ids have characters that a URL must encode.
    const id = `${randomBytes(24).toString('base64')}==`;
    this.#uploads.set(id, { name, parts: new Map() });
    return id;
  }

  /** A part of a number that was sent before takes its place. */
  putPart(name: string, id: string, number: number, bytes: Buffer): string {
    if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
      throw invalid(`Part number must be an integer between 1 and ${MAX_PARTS}, inclusive.`);
    }
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.#upload(name, id).parts.set(number, { bytes, etag });
    return etag;
  }

  /** The bytes of all parts that the request lists: https://cloud.google.com/storage/docs/xml-api/post-object-complete */
  gather(name: string, id: string, request: string): Buffer {
    const { parts } = this.#upload(name, id);
    const listed = [...request.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(part)?.[1]),
      etag: /<ETag>(.*?)<\/ETag>/.exec(part)?.[1]?.replaceAll('&quot;', '"'),
    }));
    if (!/^<CompleteMultipartUpload>.*<\/CompleteMultipartUpload>$/s.test(request) || listed.length === 0) {
      throw new Refusal(400, 'invalid', 'MalformedXML', 'The XML you provided was not well-formed or lists no part.');
    }
    return Buffer.concat(
      listed.map(({ number, etag }, index) => {
        const part = parts.get(number);
        if (part === undefined || part.etag !== etag) {
          throw new Refusal(400, 'invalid', 'InvalidPart', `Part ${number} was not found, or its ETag is another.`);
        }
        if (index > 0 && number <= (listed[index - 1]?.number as number)) {
          throw new Refusal(400, 'invalid', 'InvalidPartOrder', 'The list of parts was not in ascending order.');
        }
        if (index < listed.length - 1 && part.bytes.byteLength < MIN_PART_BYTES) {
          throw new Refusal(
            400,
            'invalid',
            'EntityTooSmall',
            `Part ${number} is smaller than ${MIN_PART_BYTES} bytes.`,
          );
        }
        return part.bytes;
      }),
    );
  }

  /** Forgets an upload and its parts. */
  end(name: string, id: string): void {
    this.#upload(name, id);
    this.#uploads.delete(id);
  }

  #upload(name: string, id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.name !== name) {
      throw new Refusal(404, 'notFound', 'NoSuchUpload', 'The requested upload was not found.');
    }
    return upload;
  }
}
