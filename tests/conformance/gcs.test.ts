import { startGcsRegistry } from '../support/gcs-registry.ts';
import { conformanceSuite } from './suite/suite.ts';

conformanceSuite('gcs, SQLite', async () => {
  const { registry, stop } = await startGcsRegistry({ redirect: false });
  return { client: () => registry.client(), stop };
});
