import { startRegistry } from '../support/registry-process.ts';
import { conformanceSuite } from './suite/suite.ts';

conformanceSuite('filesystem, SQLite, without login', () => startRegistry());
