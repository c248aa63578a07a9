import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../local/user-error.ts';
import { ProcessTree } from '../process-tree.ts';

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly url: string;
  /** Gets everything that the server prints. */
  readonly logFile: string;
}

/** How long a server may take to its first answer, in milliseconds: the first start builds an index of 25,000 things. */
const START_TIMEOUT_MS = 600_000;
const STOP_TIMEOUT_MS = 10_000;

/** Short, for it is part of what is measured. */
const POLL_INTERVAL_MS = 1;
const LOG_TAIL = 15;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One server program, started. */
export class Server {
  readonly url: string;
  readonly tree: ProcessTree;
  /** From the start of the process to the first answer, in milliseconds. */
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess, startMs: number) {
    this.url = url;
    this.tree = new ProcessTree(child.pid as number);
    this.startMs = startMs;
    this.#child = child;
  }

  /** Starts a server and waits for its first answer to `GET /v2/`, whatever that says. @throws UserError with the end of its log */
  static async start({ command, args, env, url, logFile }: ServerOptions): Promise<Server> {
    const log = openSync(logFile, 'w');
    const started = performance.now();
    const child = spawn(command, args, {
      env: { ...withoutOverrides(process.env), ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    running.add(child);
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    child.once('exit', () => running.delete(child));
    while (!(await answers(url))) {
      const ended = failure?.message ?? child.exitCode ?? child.signalCode;
      if (ended === null && performance.now() - started < START_TIMEOUT_MS) {
        await sleep(POLL_INTERVAL_MS);
        continue;
      }
      child.kill('SIGKILL');
      const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL).join('\n');
      const what = ended === null ? `does not answer after ${START_TIMEOUT_MS / 1000} s` : `has ended (${ended})`;
      throw new UserError(`${[command, ...args].join(' ')} ${what}; the end of its log:\n${tail}`);
    }
    return new Server(url, child, performance.now() - started);
  }

  /** Asks the server to end, and makes it after ten seconds. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill('SIGTERM');
    await exited;
    clearTimeout(deadline);
  }
}

/** Registries read REGISTRY_… variables as overrides; here their configuration alone decides. */
function withoutOverrides(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('REGISTRY_')));
}

function answers(url: string): Promise<boolean> {
  const { get } = url.startsWith('https:') ? https : http;
  return new Promise((resolve) => {
    // The certificate is checked by nobody here: who answers on this port is known.
    const asked = get(`${url}/v2/`, { agent: false, rejectUnauthorized: false } as https.RequestOptions, (response) => {
      response.resume();
      resolve(true);
    });
    asked.on('error', () => resolve(false));
  });
}
