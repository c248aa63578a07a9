import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoginEvent } from '../auth/login-throttle.ts';
import type { Config } from '../config/schema.ts';
import type { FromSibling, ToSibling } from './messages.ts';

/** The verb by which this program becomes one of the further processes of a server. */
export const SIBLING_COMMAND = 'sibling';

/** Pauses before a process that has died is replaced: doubled each time that it dies again soon. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** Alive for so long, a process counts as sound. */
const SOUND_AFTER_MS = 60_000;

/** How long a process may take to end after `http.draintimeout` before it is killed. */
const GRACE_MS = 2_000;

export interface SiblingsOptions {
  readonly count: number;
  readonly config: Config;
  readonly port: number;
  readonly log: { warn(fields: object, message: string): void };
  /** A sibling has died; its id in the index, when it had come so far. */
  readonly onDeath: (processId: string | undefined) => void;
  readonly onLogin: (event: LoginEvent) => void;
}

interface Sibling {
  child: ChildProcess;
  processId: string | undefined;
}

/** The further processes of a server, which the first one starts, replaces when they die, and ends. */
export class Siblings {
  readonly #options: SiblingsOptions;
  readonly #running = new Set<Sibling>();
  #stopping = false;

  constructor(options: SiblingsOptions) {
    this.#options = options;
    for (let number = 1; number <= options.count; number += 1) void this.#keepOne();
  }

  /** Tells a login to all of them but the one that it came from. */
  tellLogin(event: LoginEvent, from?: ChildProcess): void {
    for (const { child } of this.#running) if (child !== from) tell(child, { type: 'login', event });
  }

  /** Has all of them load the TLS files again. */
  reload(): void {
    for (const { child } of this.#running) tell(child, { type: 'reload' });
  }

  /** Ends all of them, gracefully as far as they go along. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#running].map(async ({ child }) => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        tell(child, { type: 'stop' });
        const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.config.http.draintimeout + GRACE_MS);
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  async #keepOne(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#stopping; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const startedAt = Date.now();
      const end = await this.#runOne();
      if (this.#stopping) return;
      this.#options.log.warn({ ...end, restartedInMs: pause }, 'a process of the server has died and is replaced');
      await sleep(pause, undefined, { ref: false });
      if (Date.now() - startedAt > SOUND_AFTER_MS) pause = FIRST_PAUSE_MS / 2;
    }
  }

  /** Runs one to its end. */
  async #runOne(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { config, port, onDeath, onLogin } = this.#options;
    const child = fork(process.argv[1] as string, [SIBLING_COMMAND], { serialization: 'advanced' });
    const sibling: Sibling = { child, processId: undefined };
    this.#running.add(sibling);
    child.on('message', (message: FromSibling) => {
      if (message.type === 'joined') sibling.processId = message.processId;
      else {
        onLogin(message.event);
        this.tellLogin(message.event, child);
      }
    });
    // A message to a process that is just ending; its end is told by `exit`.
    child.on('error', () => {});
    tell(child, { type: 'start', config, port });
    return new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running.delete(sibling);
        onDeath(sibling.processId);
        resolve({ code, signal });
      });
    });
  }
}

function tell(child: ChildProcess, message: ToSibling): void {
  if (child.connected) child.send(message, () => {});
}
