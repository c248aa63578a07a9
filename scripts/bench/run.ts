import { type ArrangementOptions, opponent, type Peer, subject } from './arrangement.ts';
import type { ArrangementName, BenchCase } from './cases.ts';
import type { Contestant, Running } from './contestants/contestant.ts';
import type { Context, CpuUnit, Sample } from './measures/measure.ts';

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
}

/** Factors from seconds of processor time to what a case shows. */
const CPU_FACTORS: Record<CpuUnit, number> = { 'µs/request': 1e6, 'ms/push': 1e3, 's/GiB': 1, 'ms/walk': 1e3 };

/** Measures the cases, those with the same servers after each other. */
export async function runCases(cases: readonly BenchCase[], options: RunOptions): Promise<readonly CaseSamples[]> {
  const done: CaseSamples[] = [];
  for (const name of new Set(cases.map(({ arrangement }) => arrangement))) {
    const arranged = cases.filter(({ arrangement }) => arrangement === name);
    const measured = [...(await runServed(name, arranged, options)), ...(await runAlone(name, arranged, options))];
    done.push(...measured);
  }
  return done.toSorted((a, b) => cases.indexOf(a.benchCase) - cases.indexOf(b.benchCase));
}

/** Those that run on servers which stay up. */
async function runServed(name: ArrangementName, cases: readonly BenchCase[], options: RunOptions) {
  const served = cases.filter(({ measure }) => measure.alone !== true);
  const running = new Map<string, Running>();
  const done: CaseSamples[] = [];
  try {
    for (const contestant of contestants(name, served, options)) {
      running.set(contestant.name, await contestant.start());
    }
    for (const benchCase of served) {
      const { measure } = benchCase;
      if (measure.alone === true) continue;
      const entrants = contestants(name, [benchCase], options).map((contestant) => contestant.name);
      for (const entrant of entrants) await measure.warm?.(running.get(entrant) as Running, options.context);
      done.push(
        await alternate(benchCase, entrants, options, async (entrant) => {
          const server = running.get(entrant) as Running;
          const before = server.tree.cpuSeconds();
          const sample = await measure.run(server, options.context);
          return withCpu(sample, server.tree.cpuSeconds() - before, measure.cpu);
        }),
      );
    }
  } finally {
    await Promise.all([...running.values()].map((server) => server.stop()));
  }
  return done;
}

/** Those that start each server themselves. */
async function runAlone(name: ArrangementName, cases: readonly BenchCase[], options: RunOptions) {
  const done: CaseSamples[] = [];
  for (const benchCase of cases) {
    const { measure } = benchCase;
    if (measure.alone !== true) continue;
    const entrants = new Map(contestants(name, [benchCase], options).map((each) => [each.name, each]));
    done.push(
      await alternate(benchCase, [...entrants.keys()], options, async (entrant) =>
        measure.run(entrants.get(entrant) as Contestant, options.context),
      ),
    );
  }
  return done;
}

/** This server, and the opponents that any of the cases has. */
function contestants(name: ArrangementName, cases: readonly BenchCase[], { peers, arrangement }: RunOptions) {
  if (cases.length === 0) return [];
  const wanted = peers.filter((peer) => cases.some(({ goals }) => peer.opponent in goals));
  return [subject(name, arrangement), ...wanted.map((peer) => opponent(name, peer, arrangement))];
}

/** A B, B A, A B: what the machine does beside the bench falls on all alike. */
async function alternate(
  benchCase: BenchCase,
  entrants: readonly string[],
  { context: { scale }, onCase }: RunOptions,
  measure: (entrant: string) => Promise<MeasuredSample>,
): Promise<CaseSamples> {
  const samples = new Map<string, MeasuredSample[]>(entrants.map((entrant) => [entrant, []]));
  const count = benchCase.measure.long === true ? scale.longRounds : scale.rounds;
  for (let round = 0; round < count; round += 1) {
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      samples.get(entrant)?.push(await measure(entrant));
    }
  }
  const done = { benchCase, samples };
  onCase(done);
  return done;
}

function withCpu({ value, work }: Sample, cpuSeconds: number, unit: CpuUnit | undefined): MeasuredSample {
  if (unit === undefined || work === undefined || work === 0) return { value };
  return { value, cpu: (cpuSeconds / work) * CPU_FACTORS[unit] };
}
