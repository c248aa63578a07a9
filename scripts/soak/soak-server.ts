import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { freePort } from '../bench/contestants/free-port.ts';
import { ProcessTree } from '../bench/process-tree.ts';
import { REPOSITORY } from '../local/repository.ts';
import { UserError } from '../local/user-error.ts';

const START_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 100;
const LOG_TAIL = 15;

export interface SoakServerOptions {
  readonly storage: ConfigInput['storage'];
  /** Index, configuration and log. */
  readonly directory: string;
  /** Folder with the program; `undefined`: the sources. */
  readonly app: string | undefined;
}

/** The server of this repository with all its processes, which can be killed and started again at the same place. */
export class SoakServer {
  readonly url: string;
  readonly #args: readonly string[];
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  private constructor(url: string, args: readonly string[], logFile: string) {
    this.url = url;
    this.#args = args;
    this.#logFile = logFile;
    process.on('exit', () => this.#signal('SIGKILL'));
  }

  static async start({ storage, directory, app }: SoakServerOptions): Promise<SoakServer> {
    const address = `127.0.0.1:${await freePort()}`;
    const config: ConfigInput = {
      version: 0.1,
      storage,
      index: { sqlite: { path: path.join(directory, 'index.sqlite') } },
      http: { addr: address },
    };
    const configFile = path.join(directory, 'config.yml');
    // JSON is YAML.
    writeFileSync(configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 });
    const program = app === undefined ? path.join(REPOSITORY, 'registry-image/src/main.ts') : path.join(app, 'main.js');
    const server = new SoakServer(`http://${address}`, [program, 'serve', configFile], path.join(directory, 'log'));
    await server.restart();
    return server;
  }

  get tree(): ProcessTree {
    return new ProcessTree(this.#child?.pid as number);
  }

  /** Starts it, after `kill`. @throws UserError with the end of its log */
  async restart(): Promise<void> {
    const log = openSync(this.#logFile, 'a');
    const child = spawn(process.execPath, this.#args, {
      stdio: ['ignore', log, log],
      // A group of its own, so that all its processes can be killed at once.
      detached: true,
      env: { ...process.env, NODE_ENV: 'production' },
    });
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#isReady())) {
      if (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
        await sleep(POLL_INTERVAL_MS);
        continue;
      }
      this.#signal('SIGKILL');
      const tail = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL).join('\n');
      throw new UserError(`the server does not come up; the end of its log:\n${tail}`);
    }
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#ended(() => this.#signal('SIGKILL'));
  }

  async stop(): Promise<void> {
    await this.#ended(() => this.#child?.kill('SIGTERM'));
  }

  async #ended(end: () => void): Promise<void> {
    if (!this.#isRunning) return;
    const exited = once(this.#child as ChildProcess, 'exit');
    end();
    await exited;
  }

  get #isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** All its processes. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#isRunning) process.kill(-(this.#child?.pid as number), signal);
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
