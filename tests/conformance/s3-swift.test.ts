import { describeWith } from '../support/requirements.ts';
import { startS3Registry, swiftStore } from '../support/s3-registry.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWith(['swift'], 'with objects in OpenStack Swift by the protocol of S3', () => {
  conformanceSuite('s3 of Swift, SQLite', async () => {
    const { registry, stop } = await startS3Registry({ redirect: false, store: swiftStore });
    return { client: () => registry.client(), stop };
  });
});
