import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail, isAtLeast } from './fail.mjs';

/** What npm needs here; from then on the Node of the development dependencies works. */
const OLDEST_HOST = '20.0.0';

/** Node runs TypeScript as it is from here on; `engines` in package.json says the same. */
const OLDEST_FOR_TYPESCRIPT = '22.19.0';

/** Ends the command when this Node can neither run the project nor bring one that can. */
export function checkNode() {
  const { node } = process.versions;
  const broughtAlong = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  const oldest = broughtAlong ? OLDEST_HOST : OLDEST_FOR_TYPESCRIPT;
  if (!isAtLeast(node, oldest)) {
    fail(
      `Node ${node} is too old: ${oldest} or newer is needed here; install it from https://nodejs.org and try again.`,
    );
  }
}

/** The Node that runs the project: the one among its packages, or this one where that does not start and this is new enough. */
export function findNode(root) {
  const bundled = path.join(root, 'node_modules/.bin/node');
  if (spawnSync(bundled, ['--version']).status === 0) return bundled;
  if (isAtLeast(process.versions.node, OLDEST_FOR_TYPESCRIPT)) return process.execPath;
  return fail(
    `Node ${process.versions.node} is too old and ${bundled} does not start: install Node ${OLDEST_FOR_TYPESCRIPT} or newer from https://nodejs.org and try again.`,
  );
}
