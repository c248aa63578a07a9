/**
 * Memory that all uploads of a process share, in bytes. Each upload may hold one part, which it gathers or sends; what it holds
 * beyond that, so that sending and gathering go on side by side, it takes from here. So a hundred pushes at once hold a hundred
 * parts and this, and not four hundred parts.
 */
export class MultipartMemory {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** @returns whether there was as much */
  tryTake(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when some was given back. */
  async given(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Twelve parts of 10 MiB. */
export const PROCESS_MEMORY = new MultipartMemory(128 * 1024 ** 2);
