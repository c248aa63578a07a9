import { type ArrangementOptions, opponent, type Peer, subject } from './arrangement.ts';
import type { ArrangementName, BenchCase } from './cases.ts';
import type { Contestant, Running } from './contestants/contestant.ts';
import type { AloneMeasure, Context, CpuUnit, Sample, ServedMeasure } from './measures/measure.ts';

/** All samples of one case, by the name of who was measured. */
export interface CaseSamples {
  readonly benchCase: BenchCase;
  readonly samples: ReadonlyMap<string, readonly MeasuredSample[]>;
}

export interface MeasuredSample {
  readonly value: number;
  /** In the unit that the case names; `undefined` where it names none. */
  readonly cpu?: number;
}

export interface RunOptions {
  readonly context: Context;
  readonly arrangement: ArrangementOptions;
  readonly peers: readonly Peer[];
  readonly onCase: (done: CaseSamples) => void;
  /** The other cases go on. */
  readonly onFailure: (benchCase: BenchCase, failure: Error) => void;
}

/** Factors from seconds of processor time to what a case shows. */
const CPU_FACTORS: Record<CpuUnit, number> = { 'µs/request': 1e6, 'ms/push': 1e3, 's/GiB': 1, 'ms/walk': 1e3 };

/** Measures the cases, those with the same servers after each other. */
export async function runCases(cases: readonly BenchCase[], options: RunOptions): Promise<void> {
  for (const name of new Set(cases.map(({ arrangement }) => arrangement))) {
    const arranged = cases.filter(({ arrangement }) => arrangement === name);
    await runServed(name, arranged, options);
    await runAlone(name, arranged, options);
  }
}

/** Those that run on servers which stay up. */
async function runServed(name: ArrangementName, arranged: readonly BenchCase[], options: RunOptions): Promise<void> {
  const cases = arranged.filter((each) => each.measure.alone !== true);
  const running = new Map<string, Running>();
  try {
    for (const contestant of contestants(name, cases, options)) {
      running.set(contestant.name, await contestant.start());
    }
    for (const benchCase of cases) {
      const measure = benchCase.measure as ServedMeasure;
      const servers = contestants(name, [benchCase], options).map(
        (each) => [each.name, running.get(each.name)] as const,
      );
      await attempt(benchCase, options, async () => {
        for (const [, server] of servers) await measure.warm?.(server as Running, options.context);
        return alternate(benchCase, servers as [string, Running][], options, async (server) => {
          const before = server.tree.cpuSeconds();
          const sample = await measure.run(server, options.context);
          return withCpu(sample, server.tree.cpuSeconds() - before, measure.cpu);
        });
      });
    }
  } finally {
    await Promise.all([...running.values()].map((server) => server.stop()));
  }
}

/** Those that start each server themselves. */
async function runAlone(name: ArrangementName, arranged: readonly BenchCase[], options: RunOptions): Promise<void> {
  for (const benchCase of arranged.filter((each) => each.measure.alone === true)) {
    const measure = benchCase.measure as AloneMeasure;
    const servers = contestants(name, [benchCase], options).map((each) => [each.name, each] as const);
    await attempt(benchCase, options, () =>
      alternate<Contestant>(benchCase, servers, options, (contestant) => measure.run(contestant, options.context)),
    );
  }
}

/** This server, and the opponents that any of the cases has. */
function contestants(name: ArrangementName, cases: readonly BenchCase[], { peers, arrangement }: RunOptions) {
  if (cases.length === 0) return [];
  const wanted = peers.filter((peer) => cases.some(({ goals }) => peer.opponent in goals));
  return [subject(name, arrangement), ...wanted.map((peer) => opponent(name, peer, arrangement))];
}

async function attempt(
  benchCase: BenchCase,
  { onCase, onFailure }: RunOptions,
  measure: () => Promise<CaseSamples['samples']>,
): Promise<void> {
  try {
    onCase({ benchCase, samples: await measure() });
  } catch (failure) {
    onFailure(benchCase, failure as Error);
  }
}

/** A B, B A, A B: what the machine does beside the bench falls on all alike. */
async function alternate<Entrant>(
  benchCase: BenchCase,
  entrants: readonly (readonly [string, Entrant])[],
  { context: { scale } }: RunOptions,
  measure: (entrant: Entrant) => Promise<MeasuredSample>,
): Promise<CaseSamples['samples']> {
  const samples = new Map<string, MeasuredSample[]>(entrants.map(([name]) => [name, []]));
  const count = benchCase.measure.long === true ? scale.longRounds : scale.rounds;
  for (let round = 0; round < count; round += 1) {
    for (const [name, entrant] of round % 2 === 0 ? entrants : entrants.toReversed()) {
      samples.get(name)?.push(await measure(entrant));
    }
  }
  return samples;
}

function withCpu({ value, work }: Sample, cpuSeconds: number, unit: CpuUnit | undefined): MeasuredSample {
  if (unit === undefined || work === undefined || work === 0) return { value };
  return { value, cpu: (cpuSeconds / work) * CPU_FACTORS[unit] };
}
