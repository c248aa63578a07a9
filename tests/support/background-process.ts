import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface BackgroundProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Answers whether the program serves by now; asked again and again. */
  readonly isReady: () => Promise<boolean>;
  /** How long the program may take until it serves, in milliseconds. @default 30000 */
  readonly startTimeoutMs?: number;
}

const POLL_INTERVAL_MS = 25;

/** How long a program may take to end after SIGTERM before the test calls it hung. */
const STOP_TIMEOUT_MS = 45_000;

/** A server that runs beside the tests, with all it has printed. */
export class BackgroundProcess {
  readonly #child: ChildProcess;
  readonly #output: Buffer[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.#output.push(chunk));
  }

  /** Starts a program and waits until it serves. @throws Error with the program's output when it ends first or takes too long */
  static async start(
    command: string,
    args: readonly string[],
    options: BackgroundProcessOptions,
  ): Promise<BackgroundProcess> {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    const started = new BackgroundProcess(child);
    let spawnError: Error | undefined;
    child.once('error', (error) => {
      spawnError = error;
    });
    const deadline = Date.now() + (options.startTimeoutMs ?? 30_000);
    while (!(await options.isReady().catch(() => false))) {
      if (spawnError !== undefined) throw new Error(`${command} could not be started`, { cause: spawnError });
      if (!started.isRunning || Date.now() > deadline) {
        const what = started.isRunning ? 'is not ready in time' : `ended with ${child.exitCode ?? child.signalCode}`;
        await started.kill();
        throw new Error(`${[command, ...args].join(' ')} ${what}; it printed:\n${started.log}`);
      }
      await sleep(POLL_INTERVAL_MS);
    }
    return started;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything printed so far, standard output and standard error together. */
  get log(): string {
    return Buffer.concat(this.#output).toString();
  }

  /** Asks the program to end. @returns its exit code, or the name of the signal that ended it */
  async stop(): Promise<number | string> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    try {
      return await this.#end('SIGTERM');
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Waits until the program ends of its own accord. @returns its exit code, or the name of the signal that ended it */
  async ended(): Promise<number | string> {
    if (this.isRunning) await once(this.#child, 'exit');
    return this.#child.exitCode ?? this.#child.signalCode ?? 'not started';
  }

  /** Ends the program at once, as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | string> {
    if (this.isRunning && this.#child.pid !== undefined) {
      const exited = once(this.#child, 'exit');
      this.#child.kill(signal);
      await exited;
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? 'not started';
  }
}
