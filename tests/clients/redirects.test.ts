import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { image, writeOciLayout } from '../support/oci-image.ts';
import { describeWith } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { type S3Registry, startS3Registry } from '../support/s3-registry.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describeWith(['skopeo', 'moto_server'], 'a registry that sends clients to the bucket', () => {
  const directory = temporaryDirectory('redirects');
  const pushed = image({ layerSize: 100_000 });
  let s3: S3Registry;

  beforeAll(async () => {
    s3 = await startS3Registry({ redirect: true });
  });
  afterAll(async () => {
    await s3.stop();
    directory.remove();
  });

  test('serves skopeo: every layer comes from a signed URL with the right bytes', async () => {
    const remote = `docker://${s3.registry.host}/group/app:v1`;
    writeOciLayout(path.join(directory.path, 'pushed'), pushed, 'v1');
    const copy = ['--insecure-policy', 'copy'];
    await runCommand('skopeo', [...copy, '--dest-tls-verify=false', `oci:${directory.path}/pushed:v1`, remote]);
    await runCommand('skopeo', [...copy, '--src-tls-verify=false', remote, `oci:${directory.path}/pulled:v1`]);
    for (const { digest, bytes } of pushed.blobs) {
      const file = path.join(directory.path, 'pulled', 'blobs', ...digest.split(':'));
      expect(readFileSync(file).equals(bytes)).toBe(true);
      const answer = await s3.registry.client().get(`/v2/group/app/blobs/${digest}`);
      expect(answer.status).toBe(307);
      expect(answer.header('Location')).toMatch(new RegExp(`^${s3.endpoint}/registry/docker/.*X-Amz-Expires=1200&`));
    }
  });
});
