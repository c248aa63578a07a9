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
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: 5 GiB in one call, 10,000 parts. */
const LIMITS: CopyLimits = { maxBytes: 5 * 1024 ** 3, partBytes: 1024 ** 3 };

const PARTS_IN_FLIGHT = 4;

/** Copies an object inside the bucket without its bytes passing through here. @param size of the object, in bytes */
export async function copyObject(
  bucket: S3Bucket,
  from: StorageKey,
  to: StorageKey,
  size: number,
  limits: CopyLimits = LIMITS,
): Promise<void> {
  if (size > limits.maxBytes) {
    await copyInParts(bucket, from, to, size, limits.partBytes);
    return;
  }
  await bucket.call('s3:PutObject', from, (client) =>
    client.send(
      new CopyObjectCommand({
        ...bucket.at(to),
        ...bucket.encryption,
        ...bucket.storageClass,
        CopySource: bucket.copySource(from),
      }),
    ),
  );
}

async function copyInParts(bucket: S3Bucket, from: StorageKey, to: StorageKey, size: number, partBytes: number) {
  const target = bucket.at(to);
  const { UploadId } = await bucket.call('s3:PutObject', to, (client) =>
    client.send(new CreateMultipartUploadCommand({ ...target, ...bucket.encryption, ...bucket.storageClass })),
  );
  try {
    const starts = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index * partBytes);
    const etags: (string | undefined)[] = [];
    const remaining = starts.entries();
    const copyParts = async () => {
      // Several of these loops take from one iterator.
      for (const [index, start] of remaining) {
        const range = `bytes=${start}-${Math.min(start + partBytes, size) - 1}`;
        const { CopyPartResult } = await bucket.call('s3:PutObject', from, (client) =>
          client.send(
            new UploadPartCopyCommand({
              ...target,
              UploadId,
              PartNumber: index + 1,
              CopySource: bucket.copySource(from),
              CopySourceRange: range,
            }),
          ),
        );
        etags[index] = CopyPartResult?.ETag;
      }
    };
    await Promise.all(Array.from({ length: PARTS_IN_FLIGHT }, copyParts));
    const Parts = etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    await bucket.call('s3:PutObject', to, (client) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } })),
    );
  } catch (error) {
    // What failed is what counts; a bucket's lifecycle rule removes what cannot be aborted now.
    await bucket.client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => {});
    throw error;
  }
}
