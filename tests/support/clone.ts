import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from './repository.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

/** What the local stack is made of. */
const PARTS = [
  'cdktf.json',
  'constructs',
  'package-lock.json',
  'package.json',
  'registry-image/package.json',
  'registry-image/src',
  'scripts',
  'settings/local.yml',
  'stacks',
  'tools',
];

const PACKAGES = ['node_modules', 'registry-image/node_modules'];

/**
 * The repository in a directory of its own, with Terraform state and a registry that nobody else has.
 *
 * @param options.packages whether what npm has installed here is there too, as a link
 */
export function cloneRepository(options: { readonly packages: boolean }): TemporaryDirectory {
  const clone = temporaryDirectory('clone');
  for (const part of PARTS) cpSync(path.join(REPOSITORY, part), path.join(clone.path, part), { recursive: true });
  for (const packages of options.packages ? PACKAGES : []) {
    const link = path.join(clone.path, packages);
    mkdirSync(path.dirname(link), { recursive: true });
    if (existsSync(path.join(REPOSITORY, packages))) symlinkSync(path.join(REPOSITORY, packages), link);
  }
  return clone;
}
