import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { BackgroundProcess } from './background-process.ts';
import { freePort } from './free-port.ts';
import { REPOSITORY } from './repository.ts';
import { describeUnless } from './requirements.ts';

/** Azurite, with a lock file of its own: it is as large as all other packages together, and only these tests need it. */
const HOME = path.join(import.meta.dirname, 'azurite');
const PACKAGES = path.join(HOME, 'node_modules');
const PROGRAM = path.join(PACKAGES, 'azurite/dist/src/blob/main.js');

/** The account that Azurite has: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface AzuriteOptions {
  /** Files in PEM: HTTPS is spoken, and tokens of identities are taken, if they look right. @default - HTTP, keys only */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** A stand-in for Azure Blob Storage that checks every signature; empty at first. */
export interface Azurite {
  readonly account: string;
  /** In base64. */
  readonly key: string;
  /** URL of the account's blobs, such as http://127.0.0.1:41234/devstoreaccount1. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A `describe` for tests that need Azurite. Where npm cannot bring it, the block is left out with the reason. */
export function describeWithAzurite(name: string, block: () => void): void {
  describeUnless(missingReason(), name, block);
}

/** Starts Azurite on a free port of this machine, with its data in memory. */
export async function startAzurite({ tls }: AzuriteOptions = {}): Promise<Azurite> {
  const port = await freePort();
  const args = [
    ...['--blobHost', '127.0.0.1', '--blobPort', String(port), '--silent'],
    ...['--inMemoryPersistence', '--disableTelemetry', '--skipApiVersionCheck'],
    ...(tls === undefined ? [] : ['--oauth', 'basic', '--cert', tls.certificate, '--key', tls.key]),
  ];
  const server = await BackgroundProcess.start(process.execPath, [PROGRAM, ...args], {
    isReady: () => isListening(port),
  });
  return {
    account: ACCOUNT,
    key: KEY,
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/${ACCOUNT}`,
    stop: async () => {
      await server.stop();
    },
  };
}

/** HTTP or HTTPS, whatever is spoken. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

/** Installs Azurite where it is not, or not as its lock file says; at the start of a test file, before its tests are named. */
function missingReason(): string | undefined {
  if (process.env.UNIT_TESTS_ONLY === 'true') return 'drives Azurite, which npm test does';
  if (isInstalled()) return undefined;
  // Two test files may be here at once: each installs into a folder of its own, and the first one moves it into place.
  const folder = path.join(REPOSITORY, `node_modules/.cache/azurite-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(HOME, file), path.join(folder, file));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) return `npm could not install Azurite: ${stderr?.trim().split('\n')[0] ?? 'npm is missing'}`;
    moveIntoPlace(path.join(folder, 'node_modules'));
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function moveIntoPlace(packages: string): void {
  if (isInstalled()) return;
  rmSync(PACKAGES, { recursive: true, force: true });
  try {
    renameSync(packages, PACKAGES);
  } catch (error) {
    if (!isInstalled()) throw error;
  }
}

/** npm writes down what it has installed. */
function isInstalled(): boolean {
  const installed = path.join(PACKAGES, '.package-lock.json');
  if (!existsSync(installed)) return false;
  const version = (file: string) => JSON.parse(readFileSync(file, 'utf8')).packages['node_modules/azurite']?.version;
  return version(installed) === version(path.join(HOME, 'package-lock.json'));
}
