import { cpSync, globSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { ImageBuildError } from './image-build-error.ts';
import { findPackage, type InstalledPackage } from './installed-package.ts';

/** Node's name of a processor that the image can be built for. */
export type Architecture = 'x64' | 'arm64';

/** @throws {ImageBuildError} on any other processor */
export function hostArchitecture(): Architecture {
  const { arch } = process;
  if (arch === 'x64' || arch === 'arm64') return arch;
  throw new ImageBuildError(`the image cannot be built for ${arch}; it can for x64 and arm64`);
}

/** Packages with native code cannot be bundled: these files of them are copied, and nothing else is. */
function nativePackages(architecture: Architecture): Record<string, readonly string[]> {
  return {
    'better-sqlite3': ['package.json', 'LICENSE', 'lib/{,methods/}*.js', `prebuilds/linux-${architecture}.node`],
    '@node-rs/bcrypt': ['package.json', 'LICENSE*', 'index.js', 'api.cjs', 'binding.js'],
    [`@node-rs/bcrypt-linux-${architecture}-gnu`]: ['package.json', '*.node'],
  };
}

/** The names that the bundle leaves to Node to resolve. */
export const NATIVE_PACKAGE_NAMES = ['better-sqlite3', '@node-rs/bcrypt'] as const;

/**
 * Copies the packages with native code into `<appFolder>/node_modules`, for Linux with glibc.
 *
 * @throws {ImageBuildError} when one of them is not installed, or not for this processor
 */
export function copyNativePackages(appFolder: string, architecture: Architecture): InstalledPackage[] {
  return Object.entries(nativePackages(architecture)).map(([name, patterns]) => {
    const installed = findPackage(name);
    const target = path.join(appFolder, 'node_modules', name);
    for (const pattern of patterns) {
      const files = globSync(pattern, { cwd: installed.folder });
      if (files.length === 0) {
        throw new ImageBuildError(`${name} ${installed.version} has no file ${pattern}; run: npm ci`);
      }
      for (const file of files) {
        mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
        cpSync(path.join(installed.folder, file), path.join(target, file));
      }
    }
    return installed;
  });
}
