import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory, ProcessTree } from '../bench/process-tree.ts';

const INTERVAL_MS = 100;

/** How long a server that has just started is left alone until it counts as idle. */
const IDLE_AFTER_MS = 3000;

/** Looks at the memory of a server ten times a second, also across its restarts. */
export class MemoryWatch {
  readonly #idle: Memory;
  readonly #timer: NodeJS.Timeout;
  #tree: ProcessTree;
  #peak: Memory;

  private constructor(tree: ProcessTree, idle: Memory) {
    this.#tree = tree;
    this.#idle = idle;
    this.#peak = idle;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** Waits until a server is idle, and begins there. */
  static async start(tree: ProcessTree): Promise<MemoryWatch> {
    await sleep(IDLE_AFTER_MS);
    return new MemoryWatch(tree, tree.memory());
  }

  get idle(): Memory {
    return this.#idle;
  }

  /** The same server, started again. */
  follow(tree: ProcessTree): void {
    this.#tree = tree;
  }

  /** The most so far, of each; begins anew. */
  takePeak(): Memory {
    this.#look();
    const peak = this.#peak;
    this.#peak = this.#idle;
    return peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { pss, rss } = this.#tree.memory();
    this.#peak = { pss: Math.max(this.#peak.pss, pss), rss: Math.max(this.#peak.rss, rss) };
  }
}
