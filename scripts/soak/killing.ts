import type { MemoryWatch } from './memory-watch.ts';
import type { SoakServer } from './soak-server.ts';

/** Kills the server and starts it again, so many times over the length of the layer. */
export class Killing {
  readonly #server: SoakServer;
  readonly #watch: MemoryWatch;
  readonly #positions: number[];
  #underWay: Promise<void> = Promise.resolve();

  constructor(server: SoakServer, watch: MemoryWatch, size: number, kills: number) {
    this.#server = server;
    this.#watch = watch;
    this.#positions = Array.from({ length: kills }, (_, index) => Math.floor((size * (index + 1)) / (kills + 1)));
  }

  /** The push has come this far. */
  passed(position: number): void {
    if (position < (this.#positions[0] ?? Number.POSITIVE_INFINITY)) return;
    this.#positions.shift();
    this.#underWay = this.#underWay.then(async () => {
      await this.#server.kill();
      await this.#server.restart();
      this.#watch.follow(this.#server.tree);
    });
    // Waited for at the end; until then nobody would hear of it.
    this.#underWay.catch(() => {});
  }

  async done(): Promise<void> {
    await this.#underWay;
  }
}
