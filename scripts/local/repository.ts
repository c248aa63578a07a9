import path from 'node:path';

/** Root of the repository, where relative paths of the settings start. */
export const REPOSITORY = path.resolve(import.meta.dirname, '../..');
