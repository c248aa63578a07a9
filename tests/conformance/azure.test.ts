import { describeWithAzurite } from '../support/azurite.ts';
import { startAzuriteRegistry } from '../support/azurite-registry.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWithAzurite('with objects in Azure', () => {
  conformanceSuite('azure, SQLite', async () => {
    const { registry, stop } = await startAzuriteRegistry({ redirect: false });
    return { client: () => registry.client(), stop };
  });
});
