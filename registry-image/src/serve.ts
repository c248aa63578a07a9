import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { openAuth } from './auth/open-auth.ts';
import type { Config } from './config/schema.ts';
import { ownIndex } from './metadata/open-index.ts';
import { createRegistry } from './registry/registry.ts';
import { Reindexer } from './registry/reindex.ts';
import { startUploadPurging } from './registry/upload-purging.ts';
import { openStorageDriver } from './storage/open-driver.ts';
import { loadServerTls } from './tls/server-tls.ts';
import { watchServerTls } from './tls/watch-server-tls.ts';

/**
 * Runs the server until SIGTERM or SIGINT: then it takes no new requests, lets the running ones finish for
 * `http.draintimeout`, and resolves.
 *
 * @param warnings keys of the configuration that have no effect, for the log
 */
export async function serve(config: Config, warnings: readonly string[]): Promise<void> {
  const stopped = stopSignal();
  const { tls: tlsSettings, addr, draintimeout, host } = config.http;
  const externalHost = host && new URL(host).hostname;
  const tls = tlsSettings && (await loadServerTls(tlsSettings, externalHost));
  const driver = await openStorageDriver(config.storage);
  const { metadata, close: closeIndex } = await ownIndex(config);
  const registry = createRegistry(driver, metadata, config);
  const authentication = await openAuth(config, (message) => app.log.warn(message));
  const app = await buildApp({ config, registry, authentication, ...(tls && { tls: tls.options }) });

  for (const warning of [...warnings, ...(tls?.warnings ?? []), ...authentication.warnings]) app.log.warn(warning);
  await bringUpIndex(app, new Reindexer(driver, metadata), await metadata.isBuilt());
  await registry.health.start();
  const stopPurging = startUploadPurging(registry.uploads, config.storage.maintenance.uploadpurging, app.log);
  const tlsWatch = tls && watchServerTls(app.server, tlsSettings, tls.options, app.log, { externalHost });
  const reloadTls = () => void tlsWatch?.reload();
  process.on('SIGHUP', reloadTls);
  await app.listen({ host: addr.host === '' ? '::' : addr.host, port: addr.port });

  app.log.info({ signal: await stopped }, 'stopping: no new requests are taken, running ones may finish');
  registry.health.drain();
  await closeWithin(app, draintimeout);
  process.off('SIGHUP', reloadTls);
  tlsWatch?.close();
  stopPurging();
  registry.health.stop();
  await registry.uploads.close();
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

/** An index that is new over storage that is not is built from it; else only what a crash left open is followed up. */
async function bringUpIndex(app: FastifyInstance, reindexer: Reindexer, built: boolean): Promise<void> {
  if (built) {
    const changes = await reindexer.reconcile();
    if (changes > 0) app.log.info({ changes }, 'index brought up to date with storage after an interruption');
    return;
  }
  const { skipped, ...counts } = await reindexer.rebuild();
  app.log.info({ ...counts, skipped: skipped.length }, 'index built from storage');
  for (const skip of skipped) app.log.warn(skip, 'not taken into the index');
}

/** How often connections that have become idle are closed while the server ends. */
const IDLE_CHECK_MS = 100;

async function closeWithin(app: FastifyInstance, milliseconds: number): Promise<void> {
  // A connection whose request ends meanwhile is kept alive by its client, and would be waited for.
  const idleCheck = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
  const timer = setTimeout(() => {
    app.log.warn('requests still running after http.draintimeout are cut off');
    app.server.closeAllConnections();
  }, milliseconds);
  await app.close();
  clearTimeout(timer);
  clearInterval(idleCheck);
}
