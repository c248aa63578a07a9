import type { ProcessTree } from '../process-tree.ts';

/** A server, or servers behind each other, that cases are measured on. */
export interface Contestant {
  /** Short, as tables show it. */
  readonly name: string;
  start(): Promise<Running>;
}

/** A contestant that answers. */
export interface Running {
  readonly url: string;
  /** All its processes. */
  readonly tree: ProcessTree;
  /** From the start of the process to the first answer, in milliseconds. */
  readonly startMs: number;
  stop(): Promise<void>;
}
