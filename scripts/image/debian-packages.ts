import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ImageBuildError } from './image-build-error.ts';
import type { Architecture } from './native-packages.ts';
import { type Apt, privateApt, USE_THE_DOCKERFILE } from './private-apt.ts';
import type { Progress } from './progress.ts';

/** Debian's names of the processors. */
const DEBIAN_ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' } as const satisfies Record<Architecture, string>;

/** A package file that has the checksum of the package lists, which Debian has signed. */
export interface DebianPackageFile {
  readonly name: string;
  readonly version: string;
  readonly file: string;
}

/**
 * Downloads the newest version of each package from Debian 13, security updates included. When the mirrors cannot be reached,
 * the packages of the build before are used.
 *
 * @param cache folder that keeps the package lists and packages for the next build
 * @throws {ImageBuildError} when this machine has no apt, or no way to the mirrors and no build before
 */
export async function downloadDebianPackages(
  names: readonly string[],
  { cache, architecture, progress }: { cache: string; architecture: Architecture; progress: Progress },
): Promise<DebianPackageFile[]> {
  const folder = path.join(cache, 'debian', DEBIAN_ARCHITECTURE[architecture]);
  const apt = privateApt(folder, DEBIAN_ARCHITECTURE[architecture]);
  await updateLists(apt, folder, progress);

  const packages = path.join(folder, 'packages');
  mkdirSync(packages, { recursive: true });
  const newest = parsePrintUris(await apt(folder, 'download', '-q', '--print-uris', ...names)).map((found) => ({
    ...found,
    file: path.join(packages, found.fileName),
  }));
  for (const { file, sha256 } of newest) {
    if (existsSync(file) && sha256OfFile(file) !== sha256) rmSync(file);
  }
  const missing = newest.filter(({ file }) => !existsSync(file)).map(({ name, version }) => `${name}=${version}`);
  if (missing.length > 0) {
    progress(`downloading ${missing.join(', ')}`);
    await apt(packages, 'download', '-q', ...missing).catch((error) => {
      throw new ImageBuildError(`Debian's packages cannot be downloaded: ${reason(error)}; ${USE_THE_DOCKERFILE}`);
    });
  }
  return newest;
}

async function updateLists(apt: Apt, folder: string, progress: Progress): Promise<void> {
  const updated = path.join(folder, 'updated');
  try {
    await apt(folder, 'update', '-q');
    writeFileSync(updated, '');
  } catch (error) {
    if (!existsSync(updated)) {
      throw new ImageBuildError(`Debian's package lists cannot be fetched: ${reason(error)}; ${USE_THE_DOCKERFILE}`);
    }
    progress("Debian's mirrors cannot be reached; using the package lists of the build before");
  }
}

/** Lines such as `'http://…/libc6_2.41-12_amd64.deb' libc6_2.41-12_amd64.deb 2846580 SHA256:a1b2…`. */
function parsePrintUris(output: string) {
  return [...output.matchAll(/^'[^']*' (\S+) \d+ SHA256:([0-9a-f]{64})$/gm)].map(([, fileName = '', sha256]) => {
    const [name = '', version = ''] = fileName.split('_');
    // The colon of an epoch is escaped in file names.
    return { name, version: decodeURIComponent(version), fileName, sha256 };
  });
}

function sha256OfFile(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The first thing that apt calls an error. */
function reason(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return /^E: (.*)$/m.exec(stderr)?.[1] ?? message;
}
