import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Whether node_modules holds what package-lock.json says. npm writes down what it installed; comparing the two says more than
 * their times, which a checkout changes. Packages for other platforms are in the lock file only.
 */
export function isInstalled(root) {
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

/** Runs `npm ci` unless everything is there. Ends the process when that fails: npm has said why. */
export function installMissing(root) {
  if (isInstalled(root)) return;
  console.log('node_modules is missing or not what package-lock.json says: running npm ci');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error('npm ci failed; see its message above');
    process.exit(status ?? 1);
  }
}
