import { startRegistry } from '../support/registry-process.ts';
import { conformanceSuite } from './suite/suite.ts';

conformanceSuite('everything in memory', () =>
  startRegistry({ config: { storage: { inmemory: {}, delete: { enabled: true } }, index: {} } }),
);
