import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ImageBuildError } from './image-build-error.ts';
import { REPOSITORY } from './repository.ts';

/** A package as npm has installed it. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression of its package.json; NOASSERTION when that says nothing. */
  readonly license: string;
  /** Absolute path. */
  readonly folder: string;
}

const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;

/** Where npm puts the packages of a workspace: its own folder first, then the one shared by all. */
const NODE_MODULES = [
  path.join(REPOSITORY, 'registry-image/node_modules'),
  path.join(REPOSITORY, 'node_modules'),
] as const;

/** @throws {ImageBuildError} when it is not installed */
export function findPackage(name: string): InstalledPackage {
  const folder = NODE_MODULES.map((modules) => path.join(modules, name)).find((candidate) => existsSync(candidate));
  if (folder === undefined) throw new ImageBuildError(`the package ${name} is not installed; run: npm ci`);
  return readPackage(folder);
}

/** The package that the file belongs to, by the last node_modules folder of its path; `undefined` for a file of our own. */
export function packageOfFile(file: string): InstalledPackage | undefined {
  const match = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.resolve(REPOSITORY, file));
  return match === null ? undefined : readPackage(match[0]);
}

/** The texts of its LICENSE, COPYING and NOTICE files, by name. */
export function licenseTexts({ folder }: InstalledPackage): string[] {
  return readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}

function readPackage(folder: string): InstalledPackage {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return { name: manifest.name, version: manifest.version, license: manifest.license ?? 'NOASSERTION', folder };
}
