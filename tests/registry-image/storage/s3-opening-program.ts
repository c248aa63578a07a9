/**
 * Opens the s3 driver and prints why it could not. In a process of its own, for in the tests' own the SDK does not know the errors of
 * Node.js as errors.
 *
 * Argument: the options of the driver, in JSON.
 */
import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import type { S3Options } from '../../../registry-image/src/storage/s3-bucket.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';

const { s3 } = storageSchema.parse({ s3: JSON.parse(process.argv[2] as string) });
const options = s3 as S3Options;
const client = createS3Client(options, { connectMs: 500, idleMs: 500, firstPauseMs: 1 });
try {
  const driver = await S3Driver.open(options, { client });
  await driver.close();
} catch (error) {
  process.stdout.write((error as Error).message);
}
