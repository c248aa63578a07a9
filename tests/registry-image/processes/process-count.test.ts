import { availableParallelism } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { type Config, configSchema } from '../../../registry-image/src/config/schema.ts';
import { processCount } from '../../../registry-image/src/processes/process-count.ts';

const files = { filesystem: { rootdirectory: '/var/lib/registry' } };

function parse(storage: object, http: object = {}): Config {
  return configSchema.parse({ version: 0.1, storage, http });
}

describe('http.processes', () => {
  test('is one for each core when it is left out, on Linux, but not more than eight', () => {
    const expected = process.platform === 'linux' ? Math.min(availableParallelism(), 8) : 1;
    expect(processCount(parse(files))).toBe(expected);
    expect(processCount(parse(files, { processes: 'auto' }))).toBe(expected);
  });

  test.each([1, 3, 64])('is %i when it says so', (processes) => {
    expect(processCount(parse(files, { processes }))).toBe(processes);
  });

  test.each([0, 65, 1.5, '2', 'all'])('cannot be %j', (processes) => {
    const { error } = configSchema.safeParse({ version: 0.1, storage: files, http: { processes } });
    expect(error?.issues.map(({ path }) => path.join('.'))).toEqual(['http.processes']);
  });

  test('is one where the storage is in memory', () => {
    expect(processCount(parse({ inmemory: {} }))).toBe(1);
    expect(processCount(parse({ inmemory: {} }, { processes: 1 }))).toBe(1);
  });

  test('cannot be more where the storage is in memory, which the processes would not share', () => {
    const { error } = configSchema.safeParse({ version: 0.1, storage: { inmemory: {} }, http: { processes: 2 } });
    expect(error?.issues).toEqual([
      expect.objectContaining({
        path: ['http', 'processes'],
        message: 'must be 1 or auto with the driver inmemory: each process would have a storage of its own',
      }),
    ]);
  });
});
