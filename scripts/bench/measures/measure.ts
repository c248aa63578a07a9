import type { Contestant, Running } from '../contestants/contestant.ts';
import type { DataSet } from '../data-set.ts';
import type { Tokens } from '../tokens.ts';
import type { WorkDirectory } from '../work-directory.ts';

/** How much is done, for a whole run or a quick one. */
export interface Scale {
  readonly rounds: number;
  /** Of cases that take many seconds each. */
  readonly longRounds: number;
  /** How long a load lasts. Whole seconds. */
  readonly seconds: number;
  /** Small blobs of one push. */
  readonly pushes: number;
}

/** What a case works with. */
export interface Context {
  readonly dataSet: DataSet;
  readonly tokens: Tokens;
  readonly scale: Scale;
  readonly work: WorkDirectory;
}

export interface Sample {
  readonly value: number;
  /** Requests, GiB or whatever else the processor time is divided by. */
  readonly work?: number;
}

/** Processor time of all processes of the server, divided by the work. */
export type CpuUnit = 'µs/request' | 'ms/push' | 's/GiB' | 'ms/walk';

export interface Measure {
  readonly unit: 'requests/s' | 'GiB/s' | 'pushes/s' | 's' | 'ms' | 'MB';
  readonly better: 'more' | 'less';
  readonly cpu?: CpuUnit;
  /** Takes many seconds: fewer rounds. */
  readonly long?: boolean;
}

/** On servers that run and are warm. */
export interface ServedMeasure extends Measure {
  readonly alone?: false;
  warm?(running: Running, context: Context): Promise<void>;
  run(running: Running, context: Context): Promise<Sample>;
}

/** On a server that is started for it, with no other beside it. */
export interface AloneMeasure extends Measure {
  readonly alone: true;
  run(contestant: Contestant, context: Context): Promise<Sample>;
}
