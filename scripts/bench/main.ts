// `npm run bench`
import path from 'node:path';
import { reportingErrors } from '../local/report-error.ts';
import { REPOSITORY } from '../local/repository.ts';
import { UserError } from '../local/user-error.ts';
import { findPeers, OURS, type Peer } from './arrangement.ts';
import { type BenchCase, CASES } from './cases.ts';
import { writeApp } from './contestants/this-server.ts';
import { prepareDataSet } from './data-set.ts';
import { dropIndex, firstStart } from './first-start.ts';
import { thisMachine } from './machine.ts';
import type { Scale } from './measures/measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { misses, type Results, type Row, rowsOf } from './report/results.ts';
import { summary } from './report/table.ts';
import { writeReport } from './report/write.ts';
import { runCases } from './run.ts';
import { missingMessage, requireTools } from './tools.ts';
import { WorkDirectory } from './work-directory.ts';

const WHOLE: Scale = { rounds: 5, longRounds: 3, seconds: 2, pushes: 150 };
const QUICK: Scale = { rounds: 1, longRounds: 1, seconds: 1, pushes: 80 };

await reportingErrors(async () => {
  const options = parseOptions(process.argv.slice(2), path.join(REPOSITORY, 'docs/performance'));
  if (options.help) return void process.stdout.write(USAGE);
  const cases = selectCases(options.only);
  if (options.list) return void process.stdout.write(cases.map(describe).join(''));
  requireTools(['docker-registry', 'wrk', 'ab', 'curl', 'python3', 'skopeo']);
  const work = WorkDirectory.open();
  // Servers are ended at exit, which these signals else skip.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', () => work.close());

  const results = await measure(cases, options, work);
  console.log(summary(results));
  if (options.out !== undefined) {
    const files = writeReport(options.out, results).map((file) => path.relative(process.cwd(), file));
    progress(`written: ${files.join(', ')}`);
  }
});

function selectCases(only: RegExp | undefined): readonly BenchCase[] {
  const cases = CASES.filter(({ name }) => only?.test(name) ?? true);
  if (cases.length > 0) return cases;
  throw new UserError(`no case has a name like ${only?.source}; npm run bench -- --list shows them`);
}

function describe({ name, title, goals, bound, measure }: BenchCase): string {
  const ratios = Object.entries(goals).map(([against, goal]) => (goal === null ? against : `${goal}× of ${against}`));
  const limits = bound === undefined ? ratios : [...ratios, `at most ${bound} ${measure.unit}`];
  return `${name.padEnd(26)} ${title} (${limits.join(', ')})\n`;
}

async function measure(selected: readonly BenchCase[], options: BenchOptions, work: WorkDirectory): Promise<Results> {
  const machine = thisMachine();
  const began = performance.now();
  const usual = options.quick ? QUICK : WHOLE;
  const scale = options.rounds === undefined ? usual : { ...usual, rounds: options.rounds, longRounds: options.rounds };
  const peers = findPeers(options.peers);
  const { cases, notRun } = withoutNginx(selected, peers);

  const { dataSet, written } = prepareDataSet(work.data);
  if (written) {
    dropIndex(work);
    progress(`data set written to ${path.relative(process.cwd(), work.data)}; it stays for the next run`);
  }
  const app = options.app ?? work.file('app');
  if (options.app === undefined) await writeApp(app);
  const arrangement = { work, dataSet, app };
  const { tokens, processes } = await firstStart(arrangement, progress);

  const rows = new Map<BenchCase, readonly Row[]>();
  await runCases(cases, {
    context: { dataSet, tokens, scale, work },
    arrangement,
    peers,
    onCase: (done) => {
      const compared = rowsOf(done, OURS, (benchCase, peer) => goalOf(benchCase, peer, peers));
      rows.set(done.benchCase, compared);
      for (const row of compared) progress(lineOf(row));
    },
    onFailure: ({ name }, failure) => {
      process.exitCode = 1;
      notRun.push(`${name}: ${failure.message.split('\n')[0]}`);
      progress(`${name} failed: ${failure.stack}`);
    },
  });
  return {
    date: new Date().toISOString(),
    seconds: Math.round((performance.now() - began) / 1000),
    machine,
    node: process.versions.node,
    server: `bundled as in the image, ${processes === 1 ? '1 process' : `${processes} processes`}`,
    peers: peers.map(({ name }) => name),
    rounds: { usual: scale.rounds, long: scale.longRounds },
    quick: options.quick,
    notRun,
    rows: cases.flatMap((benchCase) => rows.get(benchCase) ?? []),
  };
}

/** Leaves out what needs nginx where there is none. */
function withoutNginx(cases: readonly BenchCase[], peers: readonly Peer[]) {
  if (peers.some(({ opponent }) => opponent === 'nginx')) return { cases, notRun: [] as string[] };
  const concerned = cases.filter(({ goals }) => 'nginx' in goals);
  const whole = concerned.filter(({ arrangement }) => arrangement === 'behind-nginx');
  return {
    cases: cases.filter((benchCase) => !whole.includes(benchCase)),
    notRun: concerned.map(
      (benchCase) =>
        `${benchCase.name}${whole.includes(benchCase) ? '' : ', against nginx'}: ${missingMessage(['nginx'])}`,
    ),
  };
}

/** Further peers are compared without a goal. */
function goalOf({ goals }: BenchCase, name: string, peers: readonly Peer[]): number | null {
  const peer = peers.find((each) => each.name === name);
  return peer === undefined || peer.isFurther ? null : (goals[peer.opponent] ?? null);
}

function lineOf(row: Row): string {
  const { case: name, against, ours, peer, unit, ratio, goal, cpu } = row;
  const aim = goal === null ? '' : ` (goal ${goal}×${misses(row) ? ', missed' : ''})`;
  const time = cpu === null ? '' : `; CPU ${cpu.ours} : ${cpu.peer} ${cpu.unit}`;
  return `${name}: ${ours} : ${peer} ${unit} of ${against}, ${ratio}×${aim}${time}`;
}

/** Not on standard output, which is for the result. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
