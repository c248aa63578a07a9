import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { S3Bucket } from './s3-bucket.ts';
import type { StorageKey } from './storage-driver.ts';

export interface CopyLimits {
  /** Bytes of the largest object that is copied in one call. */
  readonly maxBytes: number;
  /** Bytes of one part of a larger object. */
  readonly partBytes: number;
  /** Parts that are copied at the same time. */
  readonly concurrency: number;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000;

/** Copies an object inside the bucket without its bytes passing through here. @param size of the object, in bytes */
export async function copyObject(
  bucket: S3Bucket,
  from: StorageKey,
  to: StorageKey,
  size: number,
  limits: CopyLimits,
): Promise<void> {
  if (size > limits.maxBytes) {
    await copyInParts(bucket, from, to, size, limits);
    return;
  }
  await bucket.call('s3:PutObject', from, (client) =>
    client.send(
      new CopyObjectCommand({ ...bucket.at(to), ...bucket.lastingObject, CopySource: bucket.copySource(from) }),
    ),
  );
}

async function copyInParts(bucket: S3Bucket, from: StorageKey, to: StorageKey, size: number, limits: CopyLimits) {
  const target = bucket.at(to);
  const partBytes = Math.max(limits.partBytes, Math.ceil(size / MAX_PARTS));
  const { UploadId } = await bucket.call('s3:PutObject', to, (client) =>
    client.send(new CreateMultipartUploadCommand({ ...target, ...bucket.lastingObject })),
  );
  const copyPart = async (index: number) => {
    const start = index * partBytes;
    const range = `bytes=${start}-${Math.min(start + partBytes, size) - 1}`;
    const part = { ...target, UploadId, PartNumber: index + 1 };
    const { CopyPartResult } = await bucket.call('s3:PutObject', from, (client) =>
      client.send(new UploadPartCopyCommand({ ...part, CopySource: bucket.copySource(from), CopySourceRange: range })),
    );
    return { ETag: CopyPartResult?.ETag, PartNumber: index + 1 };
  };
  try {
    const Parts = await severalAtATime(Math.ceil(size / partBytes), limits.concurrency, copyPart);
    await bucket.call('s3:PutObject', to, (client) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } })),
    );
  } catch (error) {
    // What failed is what counts; a bucket's lifecycle rule removes what cannot be aborted now.
    await bucket.client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => {});
    throw error;
  }
}

/** Runs a task for each of 0 to count - 1. @throws what failed first, when the tasks that were under way have ended */
async function severalAtATime<T>(
  count: number,
  concurrency: number,
  task: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      try {
        results[index] = await task(index);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, count) }, work);
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return results;
}
