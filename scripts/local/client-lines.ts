import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Connection } from './connection.ts';

/** Lines for a shell: log in, push the example image, pull it. */
export interface ClientLines {
  readonly client: string;
  readonly lines: readonly string[];
}

const CLIENTS = {
  docker: { works: dockerWorks, lines: dockerLines },
  podman: { works: () => isOnPath('podman'), lines: podmanLines },
  skopeo: { works: () => isOnPath('skopeo'), lines: skopeoLines },
} as const;

/** How long docker may take to find its daemon, in milliseconds. */
const DOCKER_TIMEOUT_MS = 5000;

/** Lines for the container clients of this computer, or for skopeo, the smallest, when there is none. */
export function clientLines(connection: Connection): readonly ClientLines[] {
  const working = Object.entries(CLIENTS).filter(([, { works }]) => works());
  if (working.length === 0) return [{ client: 'skopeo (not installed here)', lines: skopeoLines(connection) }];
  return working.map(([client, { lines }]) => ({ client, lines: lines(connection) }));
}

function dockerLines(connection: Connection): readonly string[] {
  const { registry, exampleImage, exampleArchive, caFile } = connection;
  const trust = `sudo install -D -m 644 ${quoted(caFile)} ${quoted(`/etc/docker/certs.d/${registry}/ca.crt`)}`;
  return [
    // Docker trusts registries on the loopback addresses without a CA.
    ...(/^(127\.|\[::1\])/.test(registry) ? [] : [trust]),
    `docker login ${loginArguments(connection)}`,
    `docker load --input ${quoted(exampleArchive)} && docker push ${exampleImage}`,
    `docker pull ${exampleImage}`,
  ];
}

function podmanLines(connection: Connection): readonly string[] {
  const { exampleImage, exampleArchive, caFile } = connection;
  const certificates = `--cert-dir ${quoted(path.dirname(caFile))}`;
  return [
    `podman login ${certificates} ${loginArguments(connection)}`,
    `podman load --input ${quoted(exampleArchive)} && podman push ${certificates} ${exampleImage}`,
    `podman pull ${certificates} ${exampleImage}`,
  ];
}

function skopeoLines(connection: Connection): readonly string[] {
  const { exampleImage, exampleArchive, caFile } = connection;
  const directory = path.dirname(caFile);
  return [
    `skopeo login --cert-dir ${quoted(directory)} ${loginArguments(connection)}`,
    `skopeo copy --dest-cert-dir ${quoted(directory)} docker-archive:${quoted(exampleArchive)} docker://${exampleImage}`,
    `skopeo copy --src-cert-dir ${quoted(directory)} docker://${exampleImage} dir:${quoted(path.join(directory, 'pulled'))}`,
  ];
}

/**
 * The password comes from its file, so that it is neither in the history of the shell nor in the list of processes; once that is
 * removed, the client asks.
 */
function loginArguments({ username, registry, password, passwordFile }: Connection): string {
  const user = `--username ${quoted(username)}`;
  return password === null ? `${user} ${registry}` : `${user} --password-stdin ${registry} < ${quoted(passwordFile)}`;
}

/** The text as one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The program alone cannot load an image; it needs its daemon. */
function dockerWorks(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: DOCKER_TIMEOUT_MS }).status === 0;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
