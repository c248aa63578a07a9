import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ConfigInput } from '../../../registry-image/src/config/schema.ts';
import { writeAppFolder } from '../../image/app-folder.ts';
import { ImageBuildError } from '../../image/image-build-error.ts';
import { RUN_CONFIG } from '../../image/image-config.ts';
import { hostArchitecture } from '../../image/native-packages.ts';
import { UserError } from '../../local/user-error.ts';
import type { Contestant } from './contestant.ts';
import { freePort } from './free-port.ts';
import { commonSettings, sharedFiles, USER } from './registry-settings.ts';
import { Server } from './server.ts';

export interface ThisServerOptions {
  readonly name: string;
  /** Where `writeApp` has put the program. */
  readonly app: string;
  /** Keys, certificates, index, configuration and log. */
  readonly directory: string;
  readonly storageDirectory: string;
  readonly tls?: boolean;
  /** With nginx in front, on this machine. */
  readonly leavesBlobsToNginx?: boolean;
}

/** Writes the program as the image has it in /app. @throws UserError when it cannot be built */
export async function writeApp(folder: string): Promise<void> {
  try {
    await writeAppFolder(folder, hostArchitecture());
  } catch (cause) {
    if (cause instanceof ImageBuildError) throw new UserError(cause.message, { cause });
    throw cause;
  }
}

/** The server of this repository, run with the command and the environment of the image. */
export function thisServer(options: ThisServerOptions): Contestant {
  const { name, app, directory, storageDirectory, tls = false, leavesBlobsToNginx = false } = options;
  return {
    name,
    start: async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const url = `${tls ? 'https' : 'http'}://${address}`;
      const files = sharedFiles(directory);
      const settings = commonSettings(storageDirectory, `${url}/jwt/auth`);
      const config: ConfigInput = {
        ...settings,
        index: { sqlite: { path: files.index } },
        tokenendpoint: {
          htpasswd: files.users,
          initialuser: { name: USER, passwordfile: files.password },
          privatekey: files.tokenKey,
          expiration: '24h',
          access: [{ users: [USER], repositories: ['**'], actions: ['pull', 'push', 'delete'], catalog: true }],
        },
        http: {
          addr: address,
          ...(leavesBlobsToNginx ? { trustedproxies: ['127.0.0.1'], accelredirect: {} } : {}),
          ...(tls ? { tls: { selfsigned: { directory: files.tls, hosts: ['127.0.0.1'] } } } : {}),
        },
      };
      const configFile = path.join(directory, `${name}.yml`);
      // JSON is YAML.
      writeFileSync(configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 });
      const [, ...args] = RUN_CONFIG.Entrypoint.map((part) => part.replace(/^\/app\//, `${app}/`));
      return Server.start({
        command: process.execPath,
        args: [...args, 'serve', configFile],
        env: imageEnvironment(),
        url,
        logFile: path.join(directory, `${name}.log`),
      });
    },
  };
}

/** The variables of the image but for PATH, which is another one here. */
function imageEnvironment(): Record<string, string> {
  const variables = RUN_CONFIG.Env.map((line) => line.split(/=(.*)/s, 2) as [string, string]);
  return Object.fromEntries(variables.filter(([name]) => name !== 'PATH'));
}
