import { afterAll, beforeAll, describe } from '@jest/globals';
import type { RegistryClient } from '../../support/registry-client.ts';
import { baseSuite } from './base.ts';
import { deletesSuite } from './deletes.ts';
import { manifestsSuite } from './manifests.ts';
import { mountsSuite } from './mounts.ts';
import { pullBlobsSuite } from './pull-blobs.ts';
import { pushBlobsSuite } from './push-blobs.ts';
import { pushChunksSuite } from './push-chunks.ts';
import { referrersSuite } from './referrers.ts';
import { refusedManifestsSuite } from './refused-manifests.ts';
import { tagsSuite } from './tags.ts';

/** A registry that runs for the length of one suite. */
export interface RunningRegistry {
  client(): RegistryClient;
  stop(): Promise<void>;
}

/** How long a server and what it stands on may take to start, in milliseconds. */
const START_TIMEOUT_MS = 120_000;

/** The OCI distribution specification 1.1 against one configuration, which is started once. docs/conformance.md lists what is where. */
export function conformanceSuite(configuration: string, start: () => Promise<RunningRegistry>): void {
  describe(`OCI distribution specification 1.1, ${configuration}`, () => {
    let running: RunningRegistry | undefined;
    let client: RegistryClient;

    beforeAll(async () => {
      running = await start();
      client = running.client();
    }, START_TIMEOUT_MS);

    afterAll(async () => {
      client?.close();
      await running?.stop();
    });

    for (const suite of [
      baseSuite,
      pullBlobsSuite,
      pushBlobsSuite,
      pushChunksSuite,
      mountsSuite,
      manifestsSuite,
      refusedManifestsSuite,
      tagsSuite,
      referrersSuite,
      deletesSuite,
    ]) {
      suite(() => client);
    }
  });
}
