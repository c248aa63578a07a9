import { startOssRegistry } from '../support/oss-registry.ts';
import { describeWith } from '../support/requirements.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWith(['moto_server'], 'with objects in OSS', () => {
  conformanceSuite('oss, SQLite', async () => {
    const { registry, stop } = await startOssRegistry();
    return { client: () => registry.client(), stop };
  });
});
