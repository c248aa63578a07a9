export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/tests/support/strip-types.cjs' },
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/cdktf.out', '/dist/'],
  // Many tests wait for other processes; two files at a time keep two cores busy.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '800MB',
  testTimeout: 120_000,
  globalSetup: '<rootDir>/tests/support/require-node-24.mjs',
  reporters: ['default', '<rootDir>/tests/support/not-run-reporter.mjs'],
};
