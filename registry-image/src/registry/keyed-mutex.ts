/** Runs work one after the other where the key is the same, and side by side where it is not. */
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
}
