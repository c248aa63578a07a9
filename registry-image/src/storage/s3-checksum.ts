import type { CompletedPart, UploadPartCommandOutput } from '@aws-sdk/client-s3';
import type { Config } from '../config/schema.ts';

type Options = NonNullable<Config['storage']['s3']>;
type ChecksumAlgorithm = NonNullable<Options['checksum_algorithm']>;

/**
 * The checksums that are sent with objects and parts, where the options ask for them. S3 wants to hear those of the parts again
 * when they become one object, as it does their ETags: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export class S3Checksums {
  /** Parameter of what is sent; the SDK calculates the checksum. */
  readonly parameter: { readonly ChecksumAlgorithm?: ChecksumAlgorithm };
  readonly #algorithm: ChecksumAlgorithm | undefined;

  constructor(options: Pick<Options, 'checksum_algorithm' | 'checksum_disabled'>) {
    this.#algorithm = options.checksum_disabled ? undefined : options.checksum_algorithm;
    this.parameter = this.#algorithm === undefined ? {} : { ChecksumAlgorithm: this.#algorithm };
  }

  /** What is kept of a part that was sent: `<ETag>`, or `<ETag> <algorithm> <checksum>`. */
  tagOf(part: UploadPartCommandOutput): string {
    const checksum = this.#algorithm === undefined ? undefined : part[`Checksum${this.#algorithm}`];
    return checksum === undefined ? (part.ETag ?? '') : `${part.ETag} ${this.#algorithm} ${checksum}`;
  }
}

/** What S3 wants to hear of a part, by what was kept of it. */
export function completedPart(tag: string, number: number): CompletedPart {
  const [ETag, algorithm, checksum] = tag.split(' ');
  return { ETag, PartNumber: number, ...(algorithm !== undefined && { [`Checksum${algorithm}`]: checksum }) };
}
