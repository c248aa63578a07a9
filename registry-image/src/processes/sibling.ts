import { LoginThrottle } from '../auth/login-throttle.ts';
import type { Config } from '../config/schema.ts';
import { joinIndex } from '../metadata/open-index.ts';
import { openStorageDriver } from '../storage/open-driver.ts';
import type { FromSibling, ToSibling } from './messages.ts';
import { openServerProcess, type ServerProcess } from './server-process.ts';

/**
 * Runs one of the further processes of a server, from the first one's `start` to its `stop`. Signals are the first one's business:
 * a terminal sends them to all. When the first one is gone this one ends at once, for another server may take over.
 */
export async function runSibling(): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  process.once('disconnect', () => process.exit(1));
  // It may have gone while this one was still loading.
  if (!process.connected) process.exit(1);
  const { config, port } = await started;
  const stopped = new Promise<void>((resolve) => {
    process.on('message', (message: ToSibling) => {
      if (message.type === 'stop') resolve();
      else if (message.type === 'login') throttle.hear(message.event);
      else if (message.type === 'reload') server?.reloadTls();
    });
  });
  const throttle = new LoginThrottle({ announce: (event) => tell({ type: 'login', event }) });
  let server: ServerProcess | undefined;
  const driver = await openStorageDriver(config.storage);
  const { metadata, close: closeIndex } = await joinIndex(config);
  tell({ type: 'joined', processId: metadata.processes.id });
  server = await openServerProcess({ config, driver, metadata, throttle });
  await server.listen({ port, shared: true });

  await stopped;
  await server.close();
  await closeIndex();
  await driver.close();
}

/** Listened for from the beginning: a message that nobody listens for is lost. */
const started = new Promise<{ config: Config; port: number }>((resolve) => {
  const onMessage = (message: ToSibling) => {
    if (message.type !== 'start') return;
    process.off('message', onMessage);
    resolve(message);
  };
  process.on('message', onMessage);
});

function tell(message: FromSibling): void {
  process.send?.(message, () => {});
}
