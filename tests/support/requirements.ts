import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from '@jest/globals';

/** System tools that parts of the tests drive, and the Debian package that brings each. */
const DEBIAN_PACKAGES = {
  ab: 'apache2-utils',
  buildah: 'buildah',
  'cloud-init': 'cloud-init',
  curl: 'curl',
  'docker-registry': 'docker-registry',
  htpasswd: 'apache2-utils',
  moto_server: undefined,
  nginx: 'nginx-light',
  openssl: 'openssl',
  podman: 'podman',
  postgres: 'postgresql',
  python3: 'python3',
  runc: 'runc',
  shellcheck: 'shellcheck',
  skopeo: 'skopeo',
  strace: 'strace',
  swift: 'python3-swift',
  terraform: undefined,
  wrk: 'wrk',
} as const satisfies Record<string, string | undefined>;

export type SystemTool = keyof typeof DEBIAN_PACKAGES;

/** Debian keeps the programs of a PostgreSQL server off the PATH; 15 is the version of Debian 12. */
export const POSTGRESQL_PROGRAMS = '/usr/lib/postgresql/15/bin';

/** Not a program but a module of Debian's own Python: the program that runs it, and a file that shows that it is there. */
const SWIFT_MODULE = { python: '/usr/bin/python3', file: '/usr/lib/python3/dist-packages/swift/__init__.py' };

/** The tool's full path, or `undefined` when this machine does not have it. */
export function findTool(tool: string): string | undefined {
  if (tool === 'swift') return existsSync(SWIFT_MODULE.file) ? SWIFT_MODULE.python : undefined;
  const directories = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin', POSTGRESQL_PROGRAMS];
  return directories.map((directory) => path.join(directory, tool)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Set by `npm run test:unit`: whatever drives a system tool is left out, on purpose. */
const UNIT_TESTS_ONLY = process.env.UNIT_TESTS_ONLY === 'true';

function missingReason(tools: readonly SystemTool[]): string | undefined {
  if (UNIT_TESTS_ONLY && tools.length > 0) return `drives ${tools.join(', ')}, which npm test does`;
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap((tool) => DEBIAN_PACKAGES[tool] ?? []))];
  const remedy = packages.length > 0 ? `; on Debian: apt-get install ${packages.join(' ')}` : '';
  return `${missing.join(', ')} not found on this machine${remedy}`;
}

/**
 * A `describe` for tests that need system tools. Without one of them the block is left out, and the end of the run lists it with
 * the reason (not-run-reporter.mjs); with CI=true the run fails instead.
 */
export function describeWith(tools: readonly SystemTool[], name: string, block: () => void): void {
  describeUnless(missingReason(tools), name, block);
}

/** The same for a reason of any other kind, such as a folder of Terraform providers; `undefined` runs the block. */
export function describeUnless(reason: string | undefined, name: string, block: () => void): void {
  if (reason === undefined) {
    describe(name, block);
  } else if (process.env.CI === 'true' && !UNIT_TESTS_ONLY) {
    describe(name, () => {
      test('has what it needs', () => {
        throw new Error(`${reason}; with CI=true nothing may be left out`);
      });
    });
  } else {
    // The one place where a part is left out; the linter forbids it elsewhere, and the end of the run lists it.
    describe.skip(`${name} [not run: ${reason}]`, block);
  }
}
