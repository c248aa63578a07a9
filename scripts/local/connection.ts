import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { publicUrl, registryHost } from '../../constructs/shared/endpoint.ts';
import type { RegistrySettings } from '../../constructs/shared/registry-settings.ts';
import { dataPaths } from '../../constructs/shared/render-config.ts';
import { localFiles } from './data-directory.ts';
import { exampleImage } from './example-image.ts';

/** What a client needs; printed as JSON with these names, which scripts rely on. */
export interface Connection {
  /** host:port, as it stands in front of an image name. */
  readonly registry: string;
  readonly url: string;
  /** Answers 200 when the registry is ready. */
  readonly statusUrl: string;
  readonly username: string;
  /** `null` when its file has been removed; the registry itself knows only a hash. */
  readonly password: string | null;
  readonly passwordFile: string;
  /** PEM of the authority that the certificate is from, alone in its directory, so that `--cert-dir` can name that. */
  readonly caFile: string;
  /** An image to push, for `docker load`, `podman load` and `docker-archive:` of skopeo, named `exampleImage`. */
  readonly exampleArchive: string;
  readonly exampleImage: string;
  readonly dataDirectory: string;
  readonly logFile: string;
}

/** Gathers the details of a registry that runs, and puts the CA and an example image where clients find them. */
export async function connect(settings: RegistrySettings, dataDirectory: string): Promise<Connection> {
  const files = localFiles(dataDirectory);
  const { users } = dataPaths(dataDirectory);
  const caFile = path.join(files.clientDirectory, 'ca.crt');
  const exampleArchive = path.join(files.clientDirectory, 'hello.tar');
  const registry = registryHost(settings.endpoint);
  const url = publicUrl(settings.endpoint);
  const image = `${registry}/hello:latest`;
  mkdirSync(files.clientDirectory, { recursive: true });
  copyFileSync(files.ca, caFile);
  writeFileSync(exampleArchive, await exampleImage(image));
  return {
    registry,
    url,
    statusUrl: `${url}/readyz`,
    username: firstUser(users),
    password: readPassword(files.initialPassword),
    passwordFile: files.initialPassword,
    caFile,
    exampleArchive,
    exampleImage: image,
    dataDirectory,
    logFile: files.log,
  };
}

/** The user made on first start, whom the initial password belongs to. The setting may have been changed since. */
function firstUser(usersFile: string): string {
  return readFileSync(usersFile, 'utf8').split(':')[0] as string;
}

function readPassword(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
