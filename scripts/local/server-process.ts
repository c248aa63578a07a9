import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { type ListenAddress, parseListenAddress } from '../../registry-image/src/config/values.ts';
import { localFiles, prepareDataDirectory } from './data-directory.ts';
import { assertPortFree } from './listen-port.ts';
import { processIdentity } from './process-identity.ts';
import { isReady } from './readiness.ts';
import { REPOSITORY } from './repository.ts';
import { UserError } from './user-error.ts';

/** The server of this repository. */
const SERVER = path.join(REPOSITORY, 'registry-image/src/main.ts');

/** How long a server may take until it is ready. A slow computer makes keys and a password hash on the first start. */
const START_TIMEOUT_MS = 60_000;

/** How long a server may take to finish running requests: its own limit of 30 s, and a little. */
const STOP_TIMEOUT_MS = 40_000;

const POLL_INTERVAL_MS = 100;

/** Lines of the log that a failed start shows. */
const LOG_TAIL = 15;

/** A process that was started by `startServer`, as server.json keeps it. */
export interface ServerProcess {
  readonly pid: number;
  /** From `processIdentity`, so that another process with the same number is never taken for the server. */
  readonly identity: string;
  readonly port: number;
}

/** The server that was started for this directory, if it runs still. */
export function runningServer(dataDirectory: string): ServerProcess | undefined {
  const file = localFiles(dataDirectory).process;
  if (!existsSync(file)) return undefined;
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as ServerProcess;
  return processIdentity(recorded.pid) === recorded.identity ? recorded : undefined;
}

/** Where a server with this configuration listens. */
export function listenAddressOf(configuration: string): ListenAddress {
  const { http } = parse(configuration) as { http: { addr: string } };
  return parseListenAddress(http.addr) as ListenAddress;
}

/**
 * Starts the server in the background and waits until it is ready. One that runs already for this directory is stopped first.
 *
 * @param configuration text of config.yml
 * @throws UserError when the directory or the port cannot be used, or the server does not get ready
 */
export async function startServer(dataDirectory: string, configuration: string): Promise<void> {
  const files = localFiles(dataDirectory);
  prepareDataDirectory(dataDirectory);
  await stopServer(dataDirectory);
  const address = listenAddressOf(configuration);
  await assertPortFree(address);
  writeFileSync(files.config, configuration, { mode: 0o600 });
  if (existsSync(files.log)) renameSync(files.log, files.previousLog);

  const child = spawnServer(files.config, files.log, dataDirectory);
  const identity = child.pid === undefined ? undefined : processIdentity(child.pid);
  if (child.pid !== undefined && identity !== undefined) {
    writeFileSync(
      files.process,
      JSON.stringify({ pid: child.pid, identity, port: address.port } satisfies ServerProcess),
    );
  }
  await untilReady(child, address, files);
  child.unref();
}

/** Stops the server of this directory and keeps its data. @returns false when none was running */
export async function stopServer(dataDirectory: string): Promise<boolean> {
  const server = runningServer(dataDirectory);
  if (server !== undefined) {
    process.kill(server.pid, 'SIGTERM');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (processIdentity(server.pid) === server.identity) {
      if (Date.now() > deadline) process.kill(server.pid, 'SIGKILL');
      await sleep(POLL_INTERVAL_MS);
    }
  }
  rmSync(localFiles(dataDirectory).process, { force: true });
  return server !== undefined;
}

function spawnServer(configFile: string, logFile: string, directory: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    // In a session of its own, so that Ctrl-C in the terminal, or the end of Terraform, is not the end of the server.
    return spawn(process.execPath, [SERVER, 'serve', configFile], {
      cwd: directory,
      detached: true,
      env: withoutOverrides(process.env),
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

/** The server reads REGISTRY_… variables as overrides; here settings/local.yml alone decides. */
function withoutOverrides(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('REGISTRY_')));
}

async function untilReady(
  child: ChildProcess,
  address: ListenAddress,
  files: ReturnType<typeof localFiles>,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady(address, files.ca))) {
    const ended = child.exitCode ?? child.signalCode;
    if (ended === null && Date.now() < deadline) {
      await sleep(POLL_INTERVAL_MS);
      continue;
    }
    const what = ended === null ? `is not ready after ${START_TIMEOUT_MS / 1000} s` : `has ended (${ended})`;
    if (ended === null) child.kill('SIGKILL');
    const tail = readFileSync(files.log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL).join('\n');
    throw new UserError(`the server ${what}; the end of its log, ${files.log}:\n${tail}`);
  }
}
