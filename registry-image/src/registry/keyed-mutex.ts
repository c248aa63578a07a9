/** Runs work one after the other where a key is the same, and side by side where none is. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, done);
    try {
      await before;
      return await work();
    } finally {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
      release();
    }
  }

  /** Holds several keys at once, taken in one order everywhere, so that two that want each other's do not wait for ever. */
  async runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [last, ...before] = [...new Set(keys)].sort().reverse();
    if (last === undefined) return work();
    return before.reduce<() => Promise<T>>(
      (inner, key) => () => this.run(key, inner),
      () => this.run(last, work),
    )();
  }
}
