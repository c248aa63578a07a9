import { S3Driver } from '../../../registry-image/src/storage/s3.ts';
import { createS3Client } from '../../../registry-image/src/storage/s3-client.ts';
import { startMoto } from '../../support/moto.ts';
import { describeWith } from '../../support/requirements.ts';
import { describeFaults } from './fault-suite.ts';
import { createBucket, s3Options } from './moto-bucket.ts';

/** A store that is quick, or fails. */
const LIMITS = { connectMs: 500, idleMs: 600, firstPauseMs: 10 };

describeWith(['moto_server'], 'S3 that fails', () => {
  describeFaults('s3', async () => {
    const moto = await startMoto();
    await createBucket(s3Options(moto));
    return {
      target: moto.endpoint,
      partBytes: 5 * 1024 ** 2,
      secrets: ['secret-of-the-key', 'X-Amz-'],
      open: (regionendpoint) => {
        const options = s3Options(moto, { regionendpoint, secretkey: 'secret-of-the-key' });
        return S3Driver.open(options, { client: createS3Client(options, LIMITS) });
      },
      stop: moto.stop,
    };
  });
});
