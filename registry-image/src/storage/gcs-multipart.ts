import { checksumOf, type GcsBucket } from './gcs-bucket.ts';
import { GcsError, xmlElement } from './gcs-errors.ts';
import type { MultipartBackend, SentPart } from './multipart-backend.ts';
import { ObjectNotFoundError, type StorageKey } from './storage-driver.ts';

/** Multipart uploads of the XML API, which any process can go on with: https://cloud.google.com/storage/docs/multipart-uploads */
export class GcsMultipart implements MultipartBackend {
  /** https://cloud.google.com/storage/quotas#requests */
  readonly limits = { minBytes: 5 * 1024 ** 2, maxBytes: 5 * 1024 ** 3, maxParts: 10_000 };
  readonly #bucket: GcsBucket;

  constructor(bucket: GcsBucket) {
    this.#bucket = bucket;
  }

  /** https://cloud.google.com/storage/docs/xml-api/post-object-multipart */
  async begin(key: StorageKey): Promise<string> {
    const { body } = await this.#bucket.send({
      permission: 'storage.multipartUploads.create',
      key,
      method: 'POST',
      url: this.#bucket.objectUrl(key, { uploads: '' }),
      headers: { 'content-type': 'application/octet-stream' },
    });
    return expected(xmlElement(body.toString(), 'UploadId'), 'the id of the upload that was begun');
  }

  /** https://cloud.google.com/storage/docs/xml-api/put-object-multipart */
  async sendPart(key: StorageKey, uploadId: string, number: number, bytes: Uint8Array): Promise<string> {
    const { headers } = await this.#bucket.send({
      permission: 'storage.multipartUploads.create',
      key,
      method: 'PUT',
      url: this.#bucket.objectUrl(key, { partNumber: String(number), uploadId }),
      headers: checksumOf(bytes),
      body: bytes,
    });
    return expected(headers.etag, 'the ETag of a part');
  }

  /** https://cloud.google.com/storage/docs/xml-api/post-object-complete */
  async complete(key: StorageKey, uploadId: string, parts: readonly SentPart[]): Promise<void> {
    const list = parts.map(
      ({ etag }, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
    );
    try {
      await this.#bucket.send({
        permission: 'storage.multipartUploads.create',
        key,
        method: 'POST',
        url: this.#bucket.objectUrl(key, { uploadId }),
        headers: { 'content-type': 'application/xml' },
        body: Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`),
      });
    } catch (error) {
      // An upload that is complete is forgotten: when the answer was lost, all there is to see is the object.
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      if (!isForgotten(error) || (await this.sizeOf(key)) !== size) throw error;
    }
  }

  /** https://cloud.google.com/storage/docs/xml-api/delete-multipart */
  async abort(key: StorageKey, uploadId: string): Promise<void> {
    try {
      await this.#bucket.send({
        permission: 'storage.multipartUploads.abort',
        key,
        method: 'DELETE',
        url: this.#bucket.objectUrl(key, { uploadId }),
      });
    } catch (error) {
      if (!isForgotten(error)) throw error;
    }
  }

  async put(key: StorageKey, bytes: Uint8Array): Promise<void> {
    await this.#bucket.put(key, bytes);
  }

  async get(key: StorageKey): Promise<Buffer | undefined> {
    return orNothing(async () => {
      const url = this.#bucket.objectUrl(key);
      return (await this.#bucket.send({ permission: 'storage.objects.get', key, method: 'GET', url })).body;
    });
  }

  async sizeOf(key: StorageKey): Promise<number | undefined> {
    return orNothing(async () => (await this.#bucket.stat(key)).size);
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#bucket.delete(key);
  }
}

/** Whether Cloud Storage knows nothing of a multipart upload. */
function isForgotten(error: unknown): boolean {
  const { cause } = error as Error;
  return cause instanceof GcsError && cause.code === 'NoSuchUpload';
}

function expected(value: string | undefined, what: string): string {
  if (value === undefined) {
    throw new Error(`the answer of Cloud Storage lacks ${what}; check what stands at storage.gcs.endpoint`);
  }
  return value;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

async function orNothing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
