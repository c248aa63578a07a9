import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, progress } from './fail.mjs';

/**
 * Runs `npm ci` unless the packages of package-lock.json are installed.
 *
 * Without install scripts, which no package here needs; the npm of Node 20 would compile SQLite. npm runs on the Node of the
 * host, because the one in node_modules is about to be replaced.
 */
export function installMissing(root) {
  if (isInstalled(root)) return;
  progress('Installing the packages of package-lock.json with npm ci; the first time takes half a minute or more ...');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  // Its progress goes to standard error, like everything that is not a result.
  const { error, status } = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: hostPath(root) },
  });
  if (error?.code === 'ENOENT')
    fail('npm is missing on the PATH: install Node with its npm from https://nodejs.org and try again.');
  if (status !== 0) {
    fail(
      'npm ci failed, for the reason that npm gives above; check the network and the registry (npm config get registry), then try again.',
    );
  }
}

/**
 * Whether node_modules holds what package-lock.json says. npm writes down what it installed; comparing the two says more than
 * their times, which a checkout changes. Packages for other platforms are in the lock file only.
 */
function isInstalled(root) {
  const installedFile = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(locked).every(([location, { version, link, optional }]) => {
    if (!location.includes('node_modules/')) return true;
    const found = installed[location];
    return found === undefined ? optional === true : link === true || found.version === version;
  });
}

function hostPath(root) {
  const own = path.join(root, 'node_modules/.bin');
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((directory) => path.resolve(directory) !== own)
    .join(path.delimiter);
}
