import { describeWith } from '../support/requirements.ts';
import { startSwiftRegistry } from '../support/swift-registry.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWith(['swift'], 'with objects in OpenStack Swift', () => {
  conformanceSuite('swift, SQLite', async () => {
    const { registry, stop } = await startSwiftRegistry({ redirect: false });
    return { client: () => registry.client(), stop };
  });
});
