// `npm run soak:push`
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import type { Memory } from '../bench/process-tree.ts';
import { reportingErrors } from '../local/report-error.ts';
import { UserError } from '../local/user-error.ts';
import { requireSpace } from './free-space.ts';
import { Killing } from './killing.ts';
import { pullLayer, pushLayer } from './layer-transfer.ts';
import { LongPayload } from './long-payload.ts';
import { MemoryWatch } from './memory-watch.ts';
import { parseOptions, type SoakOptions, USAGE } from './options.ts';
import { SoakServer } from './soak-server.ts';
import { type StandIn, startS3StandIn } from './stand-in-process.ts';

const MIB = 1024 ** 2;

await reportingErrors(async () => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(USAGE);
  mkdirSync(options.directory, { recursive: true });
  if (options.driver !== 'other') requireSpace(options.directory, options.size, options.kills);
  const run = path.join(options.directory, `run-${process.pid}`);
  mkdirSync(run);
  // Servers are ended at exit, which these signals else skip.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', () => rmSync(run, { recursive: true, force: true }));

  const payload = new LongPayload(options.size);
  const digest = payload.digest();
  const store = await openStore(options, run);
  try {
    const server = await SoakServer.start({ storage: store.storage, directory: run, app: options.app });
    try {
      process.exitCode = (await soak(options, server, payload, digest)) ? 0 : 1;
    } finally {
      await server.stop();
    }
  } finally {
    store.stop();
  }
});

async function openStore({ driver, storageFile }: SoakOptions, run: string): Promise<StandIn> {
  if (storageFile !== undefined) return { storage: storageSection(storageFile), stop: () => {} };
  if (driver === 's3') return startS3StandIn(path.join(run, 'store'));
  return { storage: { filesystem: { rootdirectory: path.join(run, 'data') } }, stop: () => {} };
}

function storageSection(file: string): ConfigInput['storage'] {
  const { storage } = (parseYaml(readFileSync(file, 'utf8')) ?? {}) as Partial<ConfigInput>;
  if (storage === undefined) throw new UserError(`${file} has no section storage`);
  return storage;
}

/** @returns whether the memory stayed within its bound */
async function soak(options: SoakOptions, server: SoakServer, payload: LongPayload, digest: string): Promise<boolean> {
  const { size, chunk, kills, bound } = options;
  const watch = await MemoryWatch.start(server.tree);
  const { idle } = watch;
  console.log(`idle: ${amounts(idle)} in ${server.tree.processes} processes`);

  const killing = new Killing(server, watch, size, kills);
  const overs = [
    await measured('push', size, watch, async () => {
      await pushLayer({ url: server.url, payload, digest, chunk, onProgress: (position) => killing.passed(position) });
      await killing.done();
    }),
    await measured('pull', size, watch, () => pullLayer(server.url, digest)),
  ];
  watch.stop();
  const most = Math.max(...overs);
  const ok = most < bound;
  const killed = kills === 0 ? '' : `; the server was killed ${kills} times`;
  console.log(
    `verdict: ${ok ? 'good' : 'too much'}: ${mebibytes(most)} MiB over idle at most, less than ${mebibytes(bound)} MiB are allowed; the digest is right${killed}`,
  );
  return ok;
}

/** Does something with all bytes of the layer. @returns proportional bytes over idle at the most */
async function measured(what: string, size: number, watch: MemoryWatch, work: () => Promise<void>): Promise<number> {
  watch.takePeak();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const peak = watch.takePeak();
  const over = { pss: peak.pss - watch.idle.pss, rss: peak.rss - watch.idle.rss };
  console.log(
    `${what}: ${(size / 1024 ** 3).toFixed(2)} GiB in ${seconds.toFixed(1)} s, ${mebibytes(size / seconds)} MiB/s; at most ${amounts(peak)}; over idle ${amounts(over)}`,
  );
  return over.pss;
}

function amounts({ pss, rss }: Memory): string {
  return `${mebibytes(pss)} MiB (RSS ${mebibytes(rss)})`;
}

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
