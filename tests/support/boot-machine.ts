import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { type CommandResult, tryCommand } from './run-command.ts';

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
}

/** The boot script that user data writes. */
export function bootScriptOf(userData: string): string {
  const script = (parse(userData) as CloudConfig).write_files.find(({ path }) => path.endsWith('/registry-boot'));
  if (script === undefined) throw new Error('the user data writes no boot script');
  return script.content;
}

export interface BootMachineOptions {
  /** The boot script. */
  readonly script: string;
  /** An empty directory that stands for the root of the machine. */
  readonly root: string;
  /** Addresses in the script, and what answers in their place. */
  readonly services?: Readonly<Record<string, string>>;
}

/** Where the script itself names a directory of the machine, as opposed to the files that it writes. */
const DIRECTORY = /(?<=^(?:readonly|[ ]+local|[ ]+write_file)\b.*[= ])\/(?=(?:etc|var|run)\/)/gm;

/** Runs steps of a boot script, as it stands but for addresses and directories, on this computer. */
export class BootMachine {
  readonly #script: string;
  readonly #root: string;

  constructor({ script, root, services = {} }: BootMachineOptions) {
    this.#root = root;
    let adapted = script.replace(/\nmain\n$/, '\n');
    for (const [address, substitute] of Object.entries(services)) adapted = adapted.replaceAll(address, substitute);
    this.#script = adapted.replaceAll(DIRECTORY, `${root}/`);
    refuseOtherDirectories(this.#script);
    for (const directory of ['etc/registry', 'var/cache', 'var/lib/registry', 'run']) {
      mkdirSync(path.join(root, directory), { recursive: true });
    }
  }

  /** Runs functions of the script, one after the other. `stubs` are bash functions that stand for programs of the machine. */
  run(steps: string, stubs = ''): Promise<CommandResult> {
    const file = path.join(this.#root, 'steps.sh');
    writeFileSync(file, `${this.#script}\n${stubs}\n${steps}\n`);
    return tryCommand('bash', [file]);
  }

  /** A file of the machine. */
  file(name: string): string {
    return path.join(this.#root, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }
}

/** Nothing of this computer may be touched. @throws Error when a step still names a directory of the real machine */
function refuseOtherDirectories(script: string): void {
  const steps = script.replaceAll(/<<'(\w+)'\n[\s\S]*?\n\1\n/g, '\n');
  const left = /^(?!\s*#).*(?<![\w./-])\/(?:etc|var|run)\/.*$/m.exec(steps);
  if (left !== null) throw new Error(`this step would touch the machine that runs the tests: ${left[0].trim()}`);
}
