import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from '../local/repository.ts';
import { UserError } from '../local/user-error.ts';

/**
 * What the bench keeps on disk, on that of the repository and not in /tmp, which is memory on some machines:
 *
 *     node_modules/.cache/bench/
 *       lock           id of the process that measures
 *       data/          the data set, in the layout of storage; stays for the next run
 *       index.sqlite   this server's index of it; stays too
 *       run/           configurations, keys, index and logs of this run
 *         app/         the server as it is in the image
 */
export class WorkDirectory {
  readonly data: string;
  readonly index: string;
  readonly run: string;
  readonly #lock: string;

  private constructor(root: string) {
    this.data = path.join(root, 'data');
    this.index = path.join(root, 'index.sqlite');
    this.run = path.join(root, 'run');
    this.#lock = path.join(root, 'lock');
  }

  /** @throws UserError when another bench runs: both would measure each other */
  static open(root = path.join(REPOSITORY, 'node_modules/.cache/bench')): WorkDirectory {
    const directory = new WorkDirectory(root);
    mkdirSync(root, { recursive: true });
    directory.#take();
    rmSync(directory.run, { recursive: true, force: true });
    mkdirSync(directory.run);
    return directory;
  }

  /** A path in `run`. */
  file(name: string): string {
    return path.join(this.run, name);
  }

  close(): void {
    rmSync(this.#lock, { force: true });
  }

  #take(): void {
    try {
      writeFileSync(this.#lock, String(process.pid), { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(readFileSync(this.#lock, 'utf8'));
      if (isRunning(holder)) {
        throw new UserError(
          `another bench runs here (process ${holder}); the two would measure each other: wait for it`,
        );
      }
      writeFileSync(this.#lock, String(process.pid));
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
