import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The Node that runs the tests: 24, from the development dependencies, or this process's own on a platform that they bring none
 * for, when it is recent enough.
 */
export function findNode(root) {
  const bundled = path.join(root, 'node_modules/.bin/node');
  if (existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  console.error(
    `The tests need Node 24, and this is ${process.version}; node_modules/.bin/node, which npm ci brings, is missing.`,
  );
  process.exit(1);
}
