import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../local/user-error.ts';
import type { Contestant } from './contestant.ts';
import { freePort } from './free-port.ts';
import { commonSettings, sharedFiles } from './registry-settings.ts';
import { Server } from './server.ts';

export interface DistributionOptions {
  readonly name: string;
  /** A registry that takes `serve <config.yml>`. */
  readonly program: string;
  /** Of this server, whose tokens and certificate it takes; has its configuration and log too. */
  readonly directory: string;
  readonly storageDirectory: string;
  readonly tls?: boolean;
}

/** CNCF distribution, such as Debian's docker-registry, with the tokens of this server. */
export function distribution({
  name,
  program,
  directory,
  storageDirectory,
  tls = false,
}: DistributionOptions): Contestant {
  return {
    name,
    start: async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const url = `${tls ? 'https' : 'http'}://${address}`;
      const files = sharedFiles(directory);
      const settings = commonSettings(storageDirectory, `${url}/jwt/auth`);
      const config = {
        ...settings,
        auth: { token: { ...settings.auth.token, rootcertbundle: files.tokenCertificate } },
        http: {
          addr: address,
          secret: 'the same for every start',
          ...(tls ? { tls: { certificate: files.tlsCertificate, key: files.tlsKey } } : {}),
        },
      };
      const file = (extension: string) => path.join(directory, `${name.replaceAll(' ', '-')}.${extension}`);
      const configFile = file('yml');
      writeFileSync(configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 });
      return Server.start({
        command: program,
        args: ['serve', configFile],
        // Distribution 3 else sends traces to a collector that is not there.
        env: { OTEL_TRACES_EXPORTER: 'none' },
        url,
        logFile: file('log'),
      });
    },
  };
}

/** Such as `2.8.2+ds1`. @throws UserError when the program does not say */
export function versionOf(program: string): string {
  const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /\bv?(\d+\.\d+\S*)/.exec(stdout ?? '')?.[1];
  if (version !== undefined) return version;
  const why = error?.message ?? `it prints "${stdout?.trim()}" on --version`;
  throw new UserError(`${program} is no registry of distribution: ${why}; --peer takes the path of one`);
}
