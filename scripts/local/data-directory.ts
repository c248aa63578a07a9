import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dataPaths } from '../../constructs/shared/render-config.ts';
import { UserError } from './user-error.ts';

/**
 * Files of a registry on this computer:
 *
 *     <dataDirectory>/
 *       config.yml           what the server was started with
 *       server.json          its process
 *       server.log           what it has printed since, and server.log.1 of the start before
 *       client/              ca.crt and an image to push, for container clients
 *       auth/ index/ storage/ tls/    the server's own
 */
export function localFiles(dataDirectory: string) {
  const { tls, initialPassword } = dataPaths(dataDirectory);
  return {
    config: path.join(dataDirectory, 'config.yml'),
    process: path.join(dataDirectory, 'server.json'),
    log: path.join(dataDirectory, 'server.log'),
    previousLog: path.join(dataDirectory, 'server.log.1'),
    clientDirectory: path.join(dataDirectory, 'client'),
    ca: path.join(tls, 'ca.crt'),
    initialPassword,
  } as const;
}

/**
 * Makes the directory, for this user alone because passwords and keys are kept in it, and proves that files can be written there.
 *
 * @throws UserError when they cannot
 */
export function prepareDataDirectory(dataDirectory: string): void {
  const probe = path.join(dataDirectory, '.writable');
  try {
    mkdirSync(dataDirectory, { recursive: true });
    chmodSync(dataDirectory, 0o700);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UserError(
      `the data folder ${dataDirectory} cannot be written (${code}); make it writable for this user, or choose another with dataDirectory in settings/local.yml`,
      { cause },
    );
  }
}
