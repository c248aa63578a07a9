import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleServer } from './bundle.ts';
import { type Architecture, copyNativePackages } from './native-packages.ts';
import { billOfMaterials, thirdPartyLicenses } from './notices.ts';
import { REPOSITORY } from './repository.ts';

/** `registry` on the PATH, for `podman exec registry registry user add alice`: there is no shell in the image to write it with. */
const COMMAND = "#!/usr/local/bin/node\nimport './main.js';\n";

/**
 * Writes what the image has in /app, for `npm run image` and for the Dockerfile alike:
 *
 *     main.js                the server, bundled
 *     chunks/                parts of it that are read when they are needed
 *     node_modules/          the packages with native code
 *     package.json           its name and version
 *     registry               the same as a command
 *     registry.cdx.json      the packages, for image scanners
 *     THIRD_PARTY_LICENSES   and their licences
 *
 * @param folder empty, or not there yet
 * @throws {ImageBuildError} when the server cannot be bundled, or a package is not installed
 */
export async function writeAppFolder(folder: string, architecture: Architecture): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { name, version, license } = JSON.parse(
    readFileSync(path.join(REPOSITORY, 'registry-image/package.json'), 'utf8'),
  );
  const packages = [...(await bundleServer(folder)), ...copyNativePackages(folder, architecture)];
  const write = (file: string, text: string) => writeFileSync(path.join(folder, file), text);
  write('package.json', `${JSON.stringify({ name, version, license, private: true, type: 'module' }, undefined, 2)}\n`);
  write('registry', COMMAND);
  chmodSync(path.join(folder, 'registry'), 0o755);
  write('registry.cdx.json', billOfMaterials({ name, version }, packages));
  write('THIRD_PARTY_LICENSES', thirdPartyLicenses(packages));
}
