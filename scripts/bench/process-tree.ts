import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the kernel counts processor time for programs in hundredths of a second, whatever it uses itself. */
const TICKS_PER_SECOND = 100;

/** Positions after the program's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const PARENT = 1;
const FIRST_TIME = 11;
/** utime and stime, then cutime and cstime: those of children that have ended. */
const TIMES = 4;

/** What the processes of one server hold, in bytes. */
export interface Memory {
  /** Proportional set size: a page that n processes share counts 1/n for each. */
  readonly pss: number;
  readonly rss: number;
}

/** Processes by their ids and whatever they have started: a server, however many processes it consists of. */
export class ProcessTree {
  readonly #roots: readonly number[];

  constructor(...roots: readonly number[]) {
    this.#roots = roots;
  }

  /** The processes of both. */
  with(other: ProcessTree): ProcessTree {
    return new ProcessTree(...this.#roots, ...other.#roots);
  }

  /** Processor time so far, user and system, in seconds. */
  cpuSeconds(): number {
    const ticks = this.#stats().flatMap(({ fields }) => fields.slice(FIRST_TIME, FIRST_TIME + TIMES).map(Number));
    return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_SECOND;
  }

  memory(): Memory {
    let [pss, rss] = [0, 0];
    for (const { pid } of this.#stats()) {
      const rollup = readProc(`${pid}/smaps_rollup`);
      pss += kibibytes(rollup, 'Pss');
      rss += kibibytes(rollup, 'Rss');
    }
    return { pss, rss };
  }

  get processes(): number {
    return this.#stats().length;
  }

  #stats(): readonly { readonly pid: number; readonly fields: readonly string[] }[] {
    const all = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ pid: Number(name), fields: statFields(readProc(`${name}/stat`)) }));
    const wanted = new Set(this.#roots);
    // A child may stand before its parent, where ids have begun again from the start.
    for (let before = -1; before !== wanted.size; ) {
      before = wanted.size;
      for (const { pid, fields } of all) if (wanted.has(Number(fields[PARENT]))) wanted.add(pid);
    }
    return all.filter(({ pid, fields }) => wanted.has(pid) && fields.length > PARENT);
  }
}

/** The name stands in parentheses and may hold anything, parentheses too. */
function statFields(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function kibibytes(rollup: string, name: string): number {
  const [, value = '0'] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup) ?? [];
  return Number(value) * 1024;
}

/** Empty when the process has ended meanwhile. */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}
