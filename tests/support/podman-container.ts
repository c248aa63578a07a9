import path from 'node:path';
import { BackgroundProcess } from './background-process.ts';
import { runCommand, tryCommand } from './run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

export interface PodmanContainerOptions {
  /** Image archive to load. */
  readonly archive: string;
  /** `source:target` or `source:target:ro`. */
  readonly volumes: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

/** As the unit of the boot script runs it, and what a root without CAP_SYS_RESOURCE needs in addition. */
const OPTIONS = [
  '--network=host',
  '--pull=never',
  '--read-only',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
  '--user=1000:1000',
  '--ulimit=nofile=20000:20000',
  '--ulimit=nproc=4096:4096',
];

/** A container of an image archive on the network of this computer, with podman storage of its own. */
export class PodmanContainer {
  readonly #directory: TemporaryDirectory;
  #process: BackgroundProcess | undefined;

  private constructor() {
    // podman takes no longer name than 50 characters for one of its directories, wherever the test has its own.
    this.#directory = temporaryDirectory('podman');
  }

  static async start(options: PodmanContainerOptions): Promise<PodmanContainer> {
    const container = new PodmanContainer();
    try {
      await container.#run(options);
    } catch (error) {
      await container.remove();
      throw error;
    }
    return container;
  }

  async #run({ archive, volumes, env, isReady }: PodmanContainerOptions): Promise<void> {
    const { stdout } = await runCommand('podman', this.#podman('load', '--quiet', '--input', archive));
    const image = stdout.trim().replace('Loaded image: ', '');
    const variables = Object.entries(env).map(([name, value]) => `--env=${name}=${value}`);
    const mounts = volumes.map((volume) => `--volume=${volume}`);
    const run = this.#podman('run', '--rm', '--name=registry', ...OPTIONS, ...variables, ...mounts, image);
    this.#process = await BackgroundProcess.start('podman', run, { isReady, startTimeoutMs: 90_000 });
  }

  /** Stops the container and removes everything that podman has kept. */
  async remove(): Promise<void> {
    await tryCommand('podman', this.#podman('stop', '--time=30', 'registry'));
    await this.#process?.stop();
    await tryCommand('podman', this.#podman('rm', '--all', '--force'));
    // podman leaves its storage mounted on itself.
    await tryCommand('umount', [path.join(this.#directory.path, 's/overlay')]);
    this.#directory.remove();
  }

  #podman(...args: string[]): string[] {
    const { path: directory } = this.#directory;
    return [`--root=${directory}/s`, `--runroot=${directory}/r`, '--runtime=runc', ...args];
  }
}
