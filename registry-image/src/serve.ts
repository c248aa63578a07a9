import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { LoginThrottle } from './auth/login-throttle.ts';
import type { Config } from './config/schema.ts';
import type { MetadataStore } from './metadata/metadata-store.ts';
import { ownIndex } from './metadata/open-index.ts';
import { processCount } from './processes/process-count.ts';
import { openServerProcess, requireFreePort, type ServerProcess } from './processes/server-process.ts';
import { Siblings } from './processes/siblings.ts';
import { LeftUploads } from './registry/left-uploads.ts';
import { Reindexer } from './registry/reindex.ts';
import { startUploadPurging } from './registry/upload-purging.ts';
import { openStorageDriver } from './storage/open-driver.ts';

/** How often the changes are looked for that processes of other machines have left when they died. */
const FOLLOW_UP_MS = 15_000;

/** How often a server that waits for another one to build the index looks whether it is there. */
const BUILD_PAUSE_MS = 250;

/**
 * Runs the server until SIGTERM or SIGINT: then it takes no new requests, lets the running ones finish for
 * `http.draintimeout`, and resolves.
 *
 * This process answers requests, and starts the others that do so as well (`http.processes`). What is to be done once for all of
 * them is done here: the index is brought up, abandoned uploads are purged, what a dead process left is followed up.
 *
 * @param warnings keys of the configuration that have no effect, for the log
 */
export async function serve(config: Config, warnings: readonly string[]): Promise<void> {
  const stopped = stopSignal();
  const onHangup = () => {
    server?.reloadTls();
    siblings?.reload();
  };
  process.on('SIGHUP', onHangup);
  let server: ServerProcess | undefined;
  let siblings: Siblings | undefined;
  const { addr } = config.http;
  const count = processCount(config);
  const shared = withShares(config, count);
  const driver = await openStorageDriver(config.storage);
  const { metadata, close: closeIndex } = await ownIndex(shared);
  const throttle = new LoginThrottle({ announce: (event) => siblings?.tellLogin(event) });
  server = await openServerProcess({ config, driver, metadata, throttle });
  const { app, registry } = server;
  for (const warning of [...warnings, ...server.warnings]) app.log.warn(warning);
  const reindexer = new Reindexer(driver, metadata);
  await bringUpIndex(app, reindexer, metadata);
  const abandoned = [registry.uploads, new LeftUploads(driver, metadata)];
  const stopPurging = startUploadPurging(abandoned, config.storage.maintenance.uploadpurging, app.log);
  if (count > 1 && addr.port !== 0) await requireFreePort(addr.host, addr.port);
  const port = await server.listen({ port: addr.port, shared: count > 1 });
  const followUp = () => followUpOthers(app, reindexer);
  const followUpTimer = setInterval(followUp, FOLLOW_UP_MS);
  siblings = new Siblings({
    count: count - 1,
    config: shared,
    port,
    log: app.log,
    onLogin: (event) => throttle.hear(event),
    onDeath: (id) => void (id !== undefined && metadata.processes.bury(id).then(followUp, () => {})),
  });

  app.log.info({ signal: await stopped }, 'stopping: no new requests are taken, running ones may finish');
  clearInterval(followUpTimer);
  stopPurging();
  await Promise.all([siblings.stop(), server.close()]);
  process.off('SIGHUP', onHangup);
  await closeIndex();
  await driver.close();
  app.log.info('stopped');
}

/** Resolves with the first of the signals; a second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** The configuration of one of several processes: connections to the database are divided among them. */
function withShares(config: Config, count: number): Config {
  const { postgresql } = config.index;
  if (postgresql === undefined) return config;
  const poolsize = Math.max(1, Math.floor(postgresql.poolsize / count));
  return { ...config, index: { ...config.index, postgresql: { ...postgresql, poolsize } } };
}

/**
 * An index that is new over storage that is not is built from it; else only what a crash left open is followed up. Of several servers
 * over one index, one builds it, and the others wait: it must not be emptied under one that serves already.
 */
async function bringUpIndex(app: FastifyInstance, reindexer: Reindexer, metadata: MetadataStore): Promise<void> {
  for (let isWaiting = false; !(await metadata.isBuilt()); ) {
    if (await metadata.claimBuilding()) return buildIndex(app, reindexer);
    if (!isWaiting) app.log.info('another server builds the index from storage; waiting for it');
    isWaiting = true;
    await sleep(BUILD_PAUSE_MS);
  }
  const changes = await reindexer.reconcile();
  if (changes > 0) app.log.info({ changes }, 'index brought up to date with storage after an interruption');
}

async function buildIndex(app: FastifyInstance, reindexer: Reindexer): Promise<void> {
  const { skipped, ...counts } = await reindexer.rebuild();
  app.log.info({ ...counts, skipped: skipped.length }, 'index built from storage');
  for (const skip of skipped) app.log.warn(skip, 'not taken into the index');
}

async function followUpOthers(app: FastifyInstance, reindexer: Reindexer): Promise<void> {
  try {
    const changes = await reindexer.reconcile();
    if (changes > 0) app.log.info({ changes }, 'changes of a process that died followed up');
  } catch (error) {
    app.log.error({ err: error }, 'changes of a process that died could not be followed up; tried again soon');
  }
}
