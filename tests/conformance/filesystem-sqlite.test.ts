import { NOT_LINUX } from '../support/linux-processes.ts';
import { startRegistry } from '../support/registry-process.ts';
import { describeUnless } from '../support/requirements.ts';
import { conformanceSuite } from './suite/suite.ts';

conformanceSuite('filesystem, SQLite, without login', () => startRegistry());

// Each request has a connection of its own, and so meets any of the processes.
describeUnless(NOT_LINUX, 'with several processes', () => {
  conformanceSuite('filesystem, SQLite, two processes', () => startRegistry({ processes: 2 }));
});
