import { expect, test } from '@jest/globals';
import { image } from '../../support/oci-image.ts';
import { describeWith } from '../../support/requirements.ts';
import { startS3Registry } from '../../support/s3-registry.ts';

describeWith(['moto_server'], 'the log of calls to S3', () => {
  test('is part of the log of the server, and has nothing by which the bucket could be read', async () => {
    const { registry, stop } = await startS3Registry({ redirect: true, settings: { loglevel: 'debug' } });
    try {
      const client = registry.client();
      const pushed = image();
      await client.pushImage('logged/image', pushed, 'v1');
      await client.get(`/v2/logged/image/blobs/${pushed.blobs[0]?.digest}`);
      client.close();
      const lines = registry.log.split('\n').filter((line) => line.includes('"storage call"'));
      const calls = lines.map((line) => JSON.parse(line));
      expect(calls).toContainEqual(
        expect.objectContaining({
          driver: 's3',
          call: 'PutObject',
          object: 'docker/registry/v2/repositories/logged/image/_manifests/tags/v1/current/link',
          status: 200,
          attempts: 1,
        }),
      );
      expect(lines.join('\n')).not.toMatch(/X-Amz|Signature|authorization/i);
    } finally {
      await stop();
    }
  });
});
