import { describeWith } from '../support/requirements.ts';
import { startS3Registry } from '../support/s3-registry.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWith(['moto_server'], 'with objects in S3', () => {
  conformanceSuite('s3, SQLite', async () => {
    const { registry, stop } = await startS3Registry({ redirect: false });
    return { client: () => registry.client(), stop };
  });
});
