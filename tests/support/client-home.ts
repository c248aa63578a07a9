import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RegistryProcess } from './registry-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What one user of container clients has on a machine: logins, trusted authorities, image storage. Nothing of the host is used. */
export interface ClientHome {
  readonly path: string;
  /** For --cert-dir: trusts the registry's authority. */
  readonly certificates: string;
  /** For --authfile. */
  readonly authFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** Options that give podman and buildah image storage of their own. */
  readonly storageOptions: readonly string[];
  remove(): void;
}

/** Makes a home that trusts the registry and has not logged in. */
export function clientHome(registry: Pick<RegistryProcess, 'caFile'>): ClientHome {
  const directory = temporaryDirectory('client');
  const inHome = (name: string) => path.join(directory.path, name);
  const certificates = inHome('certificates');
  mkdirSync(certificates);
  copyFileSync(registry.caFile, path.join(certificates, 'ca.crt'));
  const authFile = inHome('auth.json');
  // buildah wants the file that REGISTRY_AUTH_FILE names to exist.
  writeFileSync(authFile, '{}');
  return {
    path: directory.path,
    certificates,
    authFile,
    env: {
      HOME: directory.path,
      XDG_RUNTIME_DIR: directory.path,
      TMPDIR: directory.path,
      REGISTRY_AUTH_FILE: authFile,
    },
    // Of the storage drivers, only vfs works on every filesystem and without a kernel's help.
    storageOptions: ['--root', inHome('root'), '--runroot', inHome('runroot'), '--storage-driver', 'vfs'],
    remove: () => directory.remove(),
  };
}
