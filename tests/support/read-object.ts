import type { ObjectReader } from '../../registry-image/src/storage/storage-driver.ts';

/** All bytes of an object; a reader may use the memory of a chunk again, so each is copied. */
export async function readObject(reader: ObjectReader): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of reader) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
