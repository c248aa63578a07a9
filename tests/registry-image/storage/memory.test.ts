import { MemoryDriver } from '../../../registry-image/src/storage/memory.ts';
import { describeDriver } from './driver-suite.ts';

describeDriver('inmemory', async () => {
  const driver = new MemoryDriver();
  return { driver, reopen: async () => driver, stop: async () => {} };
});
