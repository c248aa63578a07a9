import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { UserError } from '../local/user-error.ts';

/** System tools that the bench drives, and the Debian package that brings each. */
const DEBIAN_PACKAGES = {
  ab: 'apache2-utils',
  curl: 'curl',
  'docker-registry': 'docker-registry',
  nginx: 'nginx-light',
  python3: 'python3',
  skopeo: 'skopeo',
  wrk: 'wrk',
} as const;

export type Tool = keyof typeof DEBIAN_PACKAGES;

/** The tool's full path, or `undefined` when this machine does not have it. */
export function findTool(tool: Tool): string | undefined {
  // Debian keeps servers in sbin, which is not on the PATH of everyone.
  const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  return directories.map((directory) => path.join(directory, tool)).find(isExecutable);
}

/** The tool's full path. @throws UserError that names the package when this machine does not have it */
export function requireTool(tool: Tool): string {
  const found = findTool(tool);
  if (found === undefined) throw new UserError(missingMessage([tool]));
  return found;
}

/** @throws UserError that names all packages which are missing */
export function requireTools(tools: readonly Tool[]): void {
  const absent = tools.filter((tool) => findTool(tool) === undefined);
  if (absent.length > 0) throw new UserError(missingMessage(absent));
}

/** Says that the tools are missing, and what brings them. */
export function missingMessage(tools: readonly Tool[]): string {
  const packages = tools.map((tool) => DEBIAN_PACKAGES[tool]);
  return `${tools.join(', ')} not found on this machine; on Debian: apt-get install --no-install-recommends ${packages.join(' ')}`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
