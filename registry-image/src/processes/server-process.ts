import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../app.ts';
import type { LoginThrottle } from '../auth/login-throttle.ts';
import { openAuth } from '../auth/open-auth.ts';
import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { createRegistry, type Registry } from '../registry/registry.ts';
import { STORAGE_CALLS } from '../storage/storage-calls.ts';
import type { StorageDriver } from '../storage/storage-driver.ts';
import { loadServerTls } from '../tls/server-tls.ts';
import { watchServerTls } from '../tls/watch-server-tls.ts';

export interface ServerProcessOptions {
  readonly config: Config;
  readonly driver: StorageDriver;
  readonly metadata: MetadataStore;
  /** Counts failed logins, those at other processes of the server too. */
  readonly throttle: LoginThrottle;
}

/** What every process of a server does: answers requests. */
export interface ServerProcess {
  readonly app: FastifyInstance;
  readonly registry: Registry;
  /** What an operator should know, though the server can run. */
  readonly warnings: readonly string[];
  /** @param shared other processes listen on the same port. @returns the port */
  listen(options: { readonly port: number; readonly shared: boolean }): Promise<number>;
  /** Loads the TLS files now, where there are any. */
  reloadTls(): void;
  /** Takes no new requests, and lets the running ones finish for `http.draintimeout`. */
  close(): Promise<void>;
}

/** How long a port is asked for: the processes of a server that was killed end a moment after it. */
const PORT_PATIENCE_MS = 3_000;
const PORT_PAUSE_MS = 50;

/** How often connections that have become idle are closed while the server ends. */
const IDLE_CHECK_MS = 100;

/** Opens what the configuration names besides storage and index, and wires it up. */
export async function openServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { config, driver, metadata, throttle } = options;
  const { tls: tlsSettings, addr, draintimeout, host } = config.http;
  const externalHost = host && new URL(host).hostname;
  const tls = tlsSettings && (await loadServerTls(tlsSettings, externalHost));
  const registry = createRegistry(driver, metadata, config);
  const authentication = await openAuth(config, { throttle, warn: (message) => app.log.warn(message) });
  const app = await buildApp({ config, registry, authentication, ...(tls && { tls: tls.options }) });
  await registry.health.start();
  const tlsWatch = tls && watchServerTls(app.server, tlsSettings, tls.options, app.log, { externalHost });
  const logStorageCall = (call: unknown) => app.log.info(call, 'storage call');
  STORAGE_CALLS.subscribe(logStorageCall);

  return {
    app,
    registry,
    warnings: [...(tls?.warnings ?? []), ...authentication.warnings],
    async listen({ port, shared }) {
      const place = { host: addr.host === '' ? '::' : addr.host, port };
      await app.listen({ ...place, ...(shared && { reusePort: true }) });
      return (app.server.address() as AddressInfo).port;
    },
    reloadTls: () => void tlsWatch?.reload(),
    async close() {
      registry.health.drain();
      await closeWithin(app, draintimeout);
      STORAGE_CALLS.unsubscribe(logStorageCall);
      tlsWatch?.close();
      registry.health.stop();
      await registry.uploads.close();
    },
  };
}

/**
 * Fails when somebody listens on a port and goes on to, as the system itself does where the port is not shared: two servers that share
 * one by mistake would each get some of the requests.
 */
export async function requireFreePort(host: string, port: number): Promise<void> {
  const deadline = Date.now() + PORT_PATIENCE_MS;
  for (;;) {
    try {
      return await tryPort(host, port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || Date.now() > deadline) throw error;
      await sleep(PORT_PAUSE_MS);
    }
  }
}

async function tryPort(host: string, port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ host: host === '' ? '::' : host, port }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

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
