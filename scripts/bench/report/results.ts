import type { BenchCase } from '../cases.ts';
import type { CaseSamples, MeasuredSample } from '../run.ts';
import { median, ratio, threeDigits } from '../statistics.ts';

/** One comparison: a line of the table, and of `rows` in results.json. */
export interface Row {
  /** Name of the case; of its second and further comparisons with whom, so that each row has one of its own. */
  readonly case: string;
  readonly title: string;
  /** What `peer` is the figure of: a server, or `bound`. */
  readonly against: string;
  /** Median. */
  readonly ours: number;
  /** Median, or the bound. */
  readonly peer: number;
  readonly unit: string;
  /** How many times better ours is, whether more or less of the unit is. */
  readonly ratio: number;
  /** Ratio to reach; `null`: there is no goal. */
  readonly goal: number | null;
  /** Lowest and highest of the rounds. */
  readonly oursRange: readonly [number, number];
  readonly peerRange: readonly [number, number] | null;
  /** Processor time of all processes of the server; `null` where it says nothing. */
  readonly cpu: { readonly ours: number; readonly peer: number; readonly unit: string; readonly ratio: number } | null;
}

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Processes that wanted to run, on average of the minute before. */
  readonly loadAtStart: number;
}

/** What results.json holds. */
export interface Results {
  readonly date: string;
  /** How long the run took. */
  readonly seconds: number;
  readonly machine: Machine;
  readonly node: string;
  /** Which form of this server ran. */
  readonly server: string;
  /** Names with versions. */
  readonly peers: readonly string[];
  readonly rounds: { readonly usual: number; readonly long: number };
  readonly quick: boolean;
  /** Cases that were left out, with the reason. */
  readonly notRun: readonly string[];
  readonly rows: readonly Row[];
}

/** The comparisons of one case. @param ours name of this server among the samples @param goalOf goal against a peer */
export function rowsOf(
  { benchCase, samples }: CaseSamples,
  ours: string,
  goalOf: (benchCase: BenchCase, peer: string) => number | null,
): readonly Row[] {
  const own = samples.get(ours) ?? [];
  const against = [...samples].filter(([name]) => name !== ours);
  const rows = against.map(([name, theirs], index) => {
    const row = compare(benchCase, name, own, theirs, goalOf(benchCase, name));
    return index === 0 ? row : { ...row, case: `${row.case}-against-${slug(name)}` };
  });
  return benchCase.bound === undefined ? rows : [...rows, compareWithBound(benchCase, own, benchCase.bound)];
}

function compare(
  { name, title, measure: { unit, better, cpu } }: BenchCase,
  against: string,
  own: readonly MeasuredSample[],
  theirs: readonly MeasuredSample[],
  goal: number | null,
): Row {
  const ours = median(values(own));
  const peer = median(values(theirs));
  const [ownCpu, theirCpu] = [cpuValues(own), cpuValues(theirs)];
  const hasCpu = cpu !== undefined && ownCpu.length > 0 && theirCpu.length > 0;
  return {
    ...{ case: name, title, against, unit, goal },
    ours: threeDigits(ours),
    peer: threeDigits(peer),
    ratio: threeDigits(ratio(ours, peer, better)),
    oursRange: range(values(own)),
    peerRange: range(values(theirs)),
    cpu: hasCpu ? { unit: cpu, ...compareCpu(median(ownCpu), median(theirCpu)) } : null,
  };
}

function compareCpu(ours: number, peer: number) {
  return { ours: threeDigits(ours), peer: threeDigits(peer), ratio: threeDigits(ratio(ours, peer, 'less')) };
}

function compareWithBound({ name, title, measure }: BenchCase, own: readonly MeasuredSample[], bound: number): Row {
  const ours = median(values(own));
  return {
    ...{ case: `${name}-bound`, title, against: 'bound', unit: measure.unit, goal: 1 },
    ours: threeDigits(ours),
    peer: bound,
    ratio: threeDigits(ratio(ours, bound, measure.better)),
    oursRange: range(values(own)),
    peerRange: null,
    cpu: null,
  };
}

/** `docker-registry 2.8.2+ds1` as `docker-registry-2.8.2-ds1`. */
function slug(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9.]+/g, '-').replace(/-$/, '');
}

/** Whether a row has a goal and misses it. */
export function misses({ ratio, goal }: Row): boolean {
  return goal !== null && ratio < goal;
}

function values(samples: readonly MeasuredSample[]): number[] {
  return samples.map(({ value }) => value);
}

function cpuValues(samples: readonly MeasuredSample[]): number[] {
  return samples.flatMap(({ cpu }) => cpu ?? []);
}

function range(numbers: readonly number[]): [number, number] {
  return [threeDigits(Math.min(...numbers)), threeDigits(Math.max(...numbers))];
}
