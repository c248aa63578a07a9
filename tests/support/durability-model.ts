import path from 'node:path';

/** A system call of a trace, with the lines at which it began and had ended. */
interface SystemCall {
  readonly name: string;
  readonly args: string;
  readonly result: string;
  readonly began: number;
  readonly ended: number;
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (.+)$/;
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (.+)$/;

/** `strace -f -y -s 4096` of a program that says what it does by `access` of paths that do not exist. */
export function readTrace(log: string): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  const begun = new Map<string, { readonly name: string; readonly args: string; readonly line: number }>();
  log.split('\n').forEach((text, line) => {
    const whole = WHOLE.exec(text);
    const start = BEGUN.exec(text);
    const end = RESUMED.exec(text);
    if (start) {
      begun.set(start[1] as string, { name: start[2] as string, args: start[3] as string, line });
    } else if (end) {
      const call = begun.get(end[1] as string);
      if (call === undefined) return;
      calls.push({ ...call, args: call.args + end[3], result: end[4] as string, began: call.line, ended: line });
    } else if (whole) {
      const [, , name, args, result] = whole as unknown as [string, string, string, string, string];
      calls.push({ name, args, result, began: line, ended: line });
    }
  });
  return calls.toSorted((a, b) => a.ended - b.ended);
}

/**
 * What would be left of files if the power failed: bytes and directory entries that were not synced are lost.
 * https://lwn.net/Articles/457667/ says what POSIX promises, and what it does not.
 */
export class DurabilityModel {
  /** Files with bytes that are not on the disk. */
  readonly #unsyncedFiles = new Set<string>();
  /** Paths whose entry in their directory is not on the disk. */
  readonly #unsyncedEntries = new Set<string>();
  /** Files that were given their final name before their bytes were on the disk. */
  readonly renamedUnsynced: string[] = [];

  /** Takes calls in until a marker is asked for; the model then is as it was when the program got there. */
  static at(marker: string, calls: readonly SystemCall[]): DurabilityModel {
    const reached = calls.find(({ name, args }) => isAccess(name) && args.includes(`"${marker}"`));
    if (reached === undefined) throw new Error(`the program never reached ${marker}`);
    const model = new DurabilityModel();
    for (const call of calls) if (call.ended < reached.began) model.#take(call);
    return model;
  }

  /** What a power failure would do to a file: empty when all of it stays. */
  lossesOf(file: string, root: string): string[] {
    const losses = this.#unsyncedFiles.has(file) ? [`the bytes of ${file}`] : [];
    for (let entry = file; entry !== path.dirname(root); entry = path.dirname(entry)) {
      if (this.#unsyncedEntries.has(entry)) losses.push(`the entry of ${entry}`);
    }
    return losses;
  }

  #take({ name, args, result }: SystemCall): void {
    if (result.startsWith('-1')) return;
    const [first = '', second = ''] = [...args.matchAll(/"([^"]*)"/g)].map((match) => match[1] as string);
    const descriptor = /^\d+<([^>]*)>/.exec(args)?.[1] ?? '';
    if (/^p?writev?(64)?$/.test(name)) {
      this.#unsyncedFiles.add(descriptor);
    } else if (name === 'fsync' || name === 'fdatasync') {
      this.#unsyncedFiles.delete(descriptor);
      for (const entry of this.#unsyncedEntries) {
        if (path.dirname(entry) === descriptor) this.#unsyncedEntries.delete(entry);
      }
    } else if (name.startsWith('mkdir') || (name.startsWith('open') && args.includes('O_CREAT'))) {
      this.#unsyncedEntries.add(first);
    } else if (name.startsWith('rename')) {
      if (this.#unsyncedFiles.delete(first)) {
        this.#unsyncedFiles.add(second);
        this.renamedUnsynced.push(second);
      }
      this.#unsyncedEntries.delete(first);
      this.#unsyncedEntries.add(second);
    }
  }
}

function isAccess(name: string): boolean {
  return name === 'access' || name.startsWith('faccessat');
}
