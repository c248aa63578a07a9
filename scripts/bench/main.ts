// `npm run bench`
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { reportingErrors } from '../local/report-error.ts';
import { REPOSITORY } from '../local/repository.ts';
import { UserError } from '../local/user-error.ts';
import { type ArrangementOptions, findPeers, OURS, type Peer, subject } from './arrangement.ts';
import { type BenchCase, CASES } from './cases.ts';
import { writeApp } from './contestants/this-server.ts';
import { prepareDataSet } from './data-set.ts';
import { dropIndex, keepIndex, restoreIndex } from './kept-index.ts';
import { thisMachine } from './machine.ts';
import type { Scale } from './measures/measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { chart } from './report/chart.ts';
import { withResults } from './report/page.ts';
import { type Results, type Row, rowsOf } from './report/results.ts';
import { summary } from './report/table.ts';
import { type CaseSamples, runCases } from './run.ts';
import { fetchTokens, type Tokens } from './tokens.ts';
import { requireTools } from './tools.ts';
import { WorkDirectory } from './work-directory.ts';

const WHOLE: Scale = { rounds: 5, longRounds: 3, seconds: 2, pushes: 200, warmRequests: 2000 };
const QUICK: Scale = { rounds: 2, longRounds: 1, seconds: 1, pushes: 100, warmRequests: 500 };

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
  if (options.out !== undefined) write(options.out, results);
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

async function measure(cases: readonly BenchCase[], options: BenchOptions, work: WorkDirectory): Promise<Results> {
  const usual = options.quick ? QUICK : WHOLE;
  const scale = options.rounds === undefined ? usual : { ...usual, rounds: options.rounds, longRounds: options.rounds };
  const peers = findPeers(options.peers);
  const { dataSet, written } = prepareDataSet(work.data);
  if (written) progress(`data set written to ${path.relative(REPOSITORY, work.data)}; it stays for the next run`);
  const app = options.app ?? work.file('app');
  if (options.app === undefined) await writeApp(app);
  const arrangement = { work, dataSet, app };
  if (written) dropIndex(work);
  const tokens = await firstStart(arrangement);

  const rows = new Map<BenchCase, readonly Row[]>();
  const onCase = (done: CaseSamples) => {
    const compared = rowsOf(done, OURS, (benchCase, peer) => goalOf(benchCase, peer, peers));
    rows.set(done.benchCase, compared);
    for (const row of compared) progress(lineOf(row));
  };
  await runCases(cases, { context: { dataSet, tokens, scale, work }, arrangement, peers, onCase });
  return {
    date: new Date().toISOString(),
    machine: thisMachine(),
    node: process.versions.node,
    server: 'the program of the image, bundled, with one process',
    peers: peers.map(({ name }) => name),
    rounds: { usual: scale.rounds, long: scale.longRounds },
    quick: options.quick,
    notRun: [],
    rows: cases.flatMap((benchCase) => rows.get(benchCase) ?? []),
  };
}

/** Makes certificates and keys, brings the index up to what the program wants, and logs in. */
async function firstStart({ work, ...arrangement }: ArrangementOptions): Promise<Tokens> {
  const server = subject('tls', { work, ...arrangement });
  const isNew = !restoreIndex(work);
  if (isNew) progress('first start: the index is built from storage, which takes a while');
  const running = await server.start().catch((failure) => {
    if (isNew) throw failure;
    progress('the program does not take the index that was kept; it is built again');
    dropIndex(work);
    return server.start();
  });
  const tokens = await fetchTokens(running.url, work.run);
  await running.stop();
  keepIndex(work);
  return tokens;
}

/** Further peers are compared without a goal. */
function goalOf({ goals }: BenchCase, name: string, peers: readonly Peer[]): number | null {
  const peer = peers.find((each) => each.name === name);
  return peer === undefined || peer.isFurther ? null : (goals[peer.opponent] ?? null);
}

function lineOf({ case: name, against, ours, peer, unit, ratio, goal, cpu }: Row): string {
  const cpuText = cpu === null ? '' : `; CPU ${cpu.ours} : ${cpu.peer} ${cpu.unit}`;
  return `${name}: ${ours} : ${peer} ${unit} of ${against}, ${ratio}×${goal === null ? '' : ` (goal ${goal}×)`}${cpuText}`;
}

function write(directory: string, results: Results): void {
  mkdirSync(directory, { recursive: true });
  const file = (name: string) => path.join(directory, name);
  const page = file('README.md');
  const text = existsSync(page) ? readFileSync(page, 'utf8') : undefined;
  const caption = `${results.date.slice(0, 10)}, ${results.machine.cores} cores of ${results.machine.cpu}; against ${results.peers[0]} where nothing else is said; logarithmic`;
  writeFileSync(page, withResults(text, `![Ratios as bars](chart.svg)\n\n${summary(results)}`));
  writeFileSync(file('chart.svg'), chart(results.rows, caption));
  writeFileSync(file('results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  progress(
    `written: ${['README.md', 'chart.svg', 'results.json'].map((name) => path.relative(REPOSITORY, file(name))).join(', ')}`,
  );
}

/** Not on standard output, which is for the result. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
