import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSync } from '@node-rs/bcrypt';
import { stringify } from 'yaml';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { BackgroundProcess } from './background-process.ts';
import { freePort } from './free-port.ts';
import { type Connections, HttpClient } from './http-client.ts';
import { childrenOf, countListeners, processOfConnection } from './linux-processes.ts';
import { type Credentials, RegistryClient } from './registry-client.ts';
import { type CommandResult, tryCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const MAIN = path.resolve(import.meta.dirname, '../../registry-image/src/main.ts');

/** Low on purpose: the tests are not about how slow guessing is. */
const BCRYPT_COST = 5;

export interface RegistryOptions {
  /** `token`: login through the token endpoint of the same server, over TLS with a CA of its own. @default 'none', and plain HTTP */
  readonly login?: 'none' | 'token';
  /** Users beside the administrator, for `login: 'token'`. */
  readonly users?: readonly Credentials[];
  /** URL of a proxy in front, on this machine, that ends TLS: the server speaks plain HTTP, and clients log in through the proxy. */
  readonly behind?: string;
  /** Beside the address, and the TLS of `login: 'token'`. */
  readonly http?: ConfigInput['http'];
  /** Replaces the sections that it names. */
  readonly config?: Partial<ConfigInput>;
  readonly env?: Readonly<Record<string, string>>;
  /** Processes of the server; above 1, each request has a connection of its own, so that all are met. @default 1, which starts soonest */
  readonly processes?: number;
  /** Storage, index and keys. Left out: a new directory, which is removed at the end. */
  readonly directory?: string;
}

/** A registry server as a process of its own, as it runs in production. */
export interface RegistryProcess {
  readonly url: string;
  /** `host:port`, as container clients write it. */
  readonly host: string;
  /** The administrator, who may do everything. */
  readonly credentials: Credentials;
  /** PEM of the server's authority; `undefined` without TLS. */
  readonly ca: string | undefined;
  readonly caFile: string;
  readonly directory: string;
  /** What the filesystem driver keeps. */
  readonly storageDirectory: string;
  readonly configFile: string;
  readonly log: string;
  /** Ids of the processes that answer requests; the one that has started the others is the first. Empty while it is ended. */
  readonly pids: readonly number[];
  /** A client for this server: the administrator's, somebody else's, or nobody's. */
  client(credentials?: Credentials | 'anonymous'): RegistryClient;
  /** Clients whose requests all go to one process, one for each, in the order of `pids`. On Linux. */
  clientsOfProcesses(): Promise<RegistryClient[]>;
  /** Runs another verb of the image with this server's configuration: `command('reindex')`. */
  command(...verb: string[]): Promise<CommandResult>;
  /** Runs a verb on its own and ends it with SIGKILL after so many milliseconds, wherever it is by then. */
  interrupt(verb: 'serve' | 'reindex', milliseconds: number): Promise<void>;
  /** Starts the same server again, after `stop` without `remove`, or after `kill`. */
  restart(): Promise<void>;
  /** Ends the server and removes its directory unless the caller brought it. */
  stop(): Promise<void>;
  /** Ends the server gracefully and keeps everything. @returns its exit code */
  pause(): Promise<number | string>;
  /** Ends the server with SIGKILL and keeps everything. */
  kill(): Promise<void>;
  /** Ends one of its further processes with SIGKILL; resolves when another has taken its place. */
  killFurther(): Promise<void>;
}

/** Starts the server of this repository and waits until it is ready. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryProcess> {
  const own = options.directory === undefined ? temporaryDirectory('server') : undefined;
  const directory = options.directory ?? (own?.path as string);
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const processes = options.processes ?? 1;
  const withLogin = options.login === 'token';
  const url = `${withLogin && options.behind === undefined ? 'https' : 'http'}://${host}`;
  const credentials = { username: 'admin', password: 'correct horse battery staple' };
  const caFile = path.join(directory, 'tls', 'ca.crt');
  const storageDirectory = path.join(directory, 'storage');
  const configFile = path.join(directory, 'config.yml');
  const config: ConfigInput = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: storageDirectory }, delete: { enabled: true } },
    index: { sqlite: { path: path.join(directory, 'index.sqlite') } },
    ...(withLogin ? loginSections(directory, options.behind ?? url) : {}),
    http: {
      addr: host,
      ...(url.startsWith('https:') ? { tls: ownTls(directory) } : {}),
      ...(options.behind === undefined ? {} : { trustedproxies: ['127.0.0.1'] }),
      ...options.http,
    },
    ...options.config,
  };
  writeFileSync(configFile, stringify(config));
  if (withLogin) {
    const users = [credentials, ...(options.users ?? [])];
    const lines = users.map(({ username, password }) => `${username}:${hashSync(password, { cost: BCRYPT_COST })}\n`);
    writeFileSync(path.join(directory, 'htpasswd'), lines.join(''), { mode: 0o600 });
  }
  const ca = () => (existsSync(caFile) ? readFileSync(caFile, 'utf8') : undefined);

  const launch = () =>
    BackgroundProcess.start(process.execPath, [MAIN, 'serve', configFile], {
      env: { REGISTRY_HTTP_PROCESSES: String(processes), ...options.env },
      isReady: async () => {
        if (processes > 1 && countListeners(port) < processes) return false;
        const probe = new HttpClient(url, ca());
        try {
          return (await probe.request('GET', '/readyz')).status === 200;
        } finally {
          probe.close();
        }
      },
    });

  const connect = (who: Credentials | 'anonymous', connections: Connections) => {
    const authority = ca();
    return new RegistryClient({
      url,
      connections,
      ...(authority === undefined ? {} : { ca: authority }),
      ...(withLogin && who !== 'anonymous' ? { credentials: who } : {}),
    });
  };

  let running = await launch();
  return {
    url,
    host,
    credentials,
    get ca() {
      return ca();
    },
    caFile,
    directory,
    storageDirectory,
    configFile,
    get log() {
      return running.log;
    },
    get pids() {
      return running.isRunning ? [running.pid, ...childrenOf(running.pid)] : [];
    },
    client: (who = credentials) => connect(who, processes > 1 ? 'fresh' : 'kept'),
    clientsOfProcesses: async () => {
      const pids = [running.pid, ...childrenOf(running.pid)];
      const clients = new Map<number, RegistryClient>();
      while (clients.size < pids.length) {
        const client = connect(credentials, 'one');
        await client.get('/livez');
        const pid = processOfConnection(client.http.localPort as number, port, pids);
        if (pid === undefined || clients.has(pid)) client.close();
        else clients.set(pid, client);
      }
      return pids.map((pid) => clients.get(pid) as RegistryClient);
    },
    command: (...verb) => tryCommand(process.execPath, [MAIN, ...verb, configFile]),
    interrupt: async (verb, milliseconds) => {
      const child = spawn(process.execPath, [MAIN, verb, configFile], { stdio: 'ignore' });
      const exited = once(child, 'exit');
      await Promise.race([sleep(milliseconds), exited]);
      child.kill('SIGKILL');
      await exited;
    },
    restart: async () => {
      running = await launch();
    },
    pause: () => running.stop(),
    kill: () => running.kill(),
    killFurther: async () => {
      const [killed] = childrenOf(running.pid);
      if (killed === undefined) throw new Error('the server has no further process');
      process.kill(killed, 'SIGKILL');
      while (childrenOf(running.pid).includes(killed) || countListeners(port) < processes) await sleep(25);
    },
    stop: async () => {
      await running.stop();
      own?.remove();
    },
  };
}

function ownTls(directory: string) {
  return { selfsigned: { directory: path.join(directory, 'tls'), hosts: ['127.0.0.1'] } };
}

/** Token login for the registry by the endpoint of the same process. */
function loginSections(directory: string, url: string): Partial<ConfigInput> {
  return {
    auth: {
      token: {
        realm: `${url}/jwt/auth`,
        service: 'container_registry',
        issuer: 'container-registry',
      },
    },
    tokenendpoint: {
      htpasswd: path.join(directory, 'htpasswd'),
      privatekey: path.join(directory, 'token-key.pem'),
      access: [
        { users: ['admin'], repositories: ['**'], actions: ['pull', 'push', 'delete'], catalog: true },
        { users: ['*'], repositories: ['shared/**'], actions: ['pull'] },
        { users: ['anonymous'], repositories: ['public/**'], actions: ['pull'] },
      ],
    },
  };
}
