import { NOT_LINUX } from '../support/linux-processes.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRegistry } from '../support/registry-process.ts';
import { describeWith } from '../support/requirements.ts';
import { conformanceSuite } from './suite/suite.ts';

describeWith(['postgres'], 'with the index in PostgreSQL', () => {
  conformanceSuite('filesystem, PostgreSQL, two processes', async () => {
    const postgres = await startPostgres();
    const registry = await startRegistry({
      processes: NOT_LINUX === undefined ? 2 : 1,
      config: { index: { postgresql: { url: postgres.url } } },
    });
    return {
      client: () => registry.client(),
      stop: async () => {
        await registry.stop();
        await postgres.stop();
      },
    };
  });
});
