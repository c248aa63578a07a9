import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ImageBuildError } from './image-build-error.ts';

const run = promisify(execFile);

const RELEASE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What to do on a machine where this cannot work. */
export const USE_THE_DOCKERFILE =
  'build with a container engine instead: docker build -f registry-image/Dockerfile -t registry .';

/** Runs apt-get in the working folder `cwd`; gives what it printed. */
export type Apt = (cwd: string, ...args: string[]) => Promise<string>;

/**
 * apt-get for Debian 13 with its lists, packages and sources in `folder`: whatever Debian or Ubuntu this machine itself runs,
 * nothing of it changes and no root is needed. Mirrors, proxies and credentials are those of the machine's own apt.
 *
 * @param architecture Debian's name of the processor
 * @throws {ImageBuildError} when the machine has no apt, no Debian keyring or no mirror of Debian
 */
export function privateApt(folder: string, architecture: 'amd64' | 'arm64'): Apt {
  requireCommands('apt-get', 'dpkg-deb', 'flock');
  if (!existsSync(KEYRING)) {
    throw new ImageBuildError(`${KEYRING} is missing; run: apt-get install debian-archive-keyring`);
  }
  mkdirSync(path.join(folder, 'lists/partial'), { recursive: true });
  mkdirSync(path.join(folder, 'archives/partial'), { recursive: true });
  writeFileSync(path.join(folder, 'status'), '');
  writeFileSync(path.join(folder, 'sources.list'), sources());
  writeFileSync(path.join(folder, 'apt.conf'), configuration(folder, architecture));
  const env = { ...process.env, APT_CONFIG: path.join(folder, 'apt.conf'), LC_ALL: 'C' };
  return async (cwd, ...args) => {
    // Two builds at a time wait for each other; apt itself would fail.
    const { stdout } = await run('flock', [path.join(folder, 'lock'), 'apt-get', ...args], { cwd, env });
    return stdout;
  };
}

function requireCommands(...commands: string[]): void {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  for (const command of commands) {
    if (!folders.some((folder) => existsSync(path.join(folder, command)))) {
      throw new ImageBuildError(
        `this machine has no ${command} to fetch Debian's libraries with; ${USE_THE_DOCKERFILE}`,
      );
    }
  }
}

function sources(): string {
  const { archive, security } = mirrors();
  const line = (mirror: string, suite: string) => `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`;
  return line(archive, RELEASE) + line(archive, `${RELEASE}-updates`) + line(security, `${RELEASE}-security`);
}

/**
 * Debian's archive and its security updates: where DEBIAN_MIRROR says (the URL of a folder `debian`, beside which lies
 * `debian-security`), or where the apt of this machine gets them from.
 *
 * @throws {ImageBuildError} when neither says
 */
function mirrors(): { archive: string; security: string } {
  const given = process.env['DEBIAN_MIRROR']?.replace(/\/+$/, '');
  if (given !== undefined) return { archive: given, security: `${given}-security` };
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const known = targets.toString().split('\n');
  const archive = known.find((url) => url.endsWith('/debian/'));
  const security = known.find((url) => url.endsWith('/debian-security/'));
  if (archive !== undefined && security !== undefined) return { archive, security };
  throw new ImageBuildError(
    `the apt of this machine has no mirror of Debian; set DEBIAN_MIRROR to the URL of one, ending in /debian, or ${USE_THE_DOCKERFILE}`,
  );
}

/** https://manpages.debian.org/trixie/apt/apt.conf.5.en.html */
function configuration(folder: string, architecture: string): string {
  return [
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    // Run by root, apt would download as a user who may not write here.
    'APT::Sandbox::User "root";',
    'APT::Update::Error-Mode "any";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
    `Dir::State "${folder}";`,
    `Dir::State::lists "${folder}/lists";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}";`,
    `Dir::Cache::archives "${folder}/archives";`,
    `Dir::Etc::sourcelist "${folder}/sources.list";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    '',
  ].join('\n');
}
