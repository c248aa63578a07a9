import { LoginThrottle } from '../auth/login-throttle.ts';
import type { Config } from '../config/schema.ts';
import { openIndex } from '../metadata/open-index.ts';
import { openStorageDriver } from '../storage/open-driver.ts';
import type { FromSibling, ToSibling } from './messages.ts';
import { openServerProcess } from './server-process.ts';

/**
 * Runs one of the further processes of a server, from the first one's `start` to its `stop`. Signals are the first one's business:
 * a terminal sends them to all. When the first one is gone this one ends at once, for another server may take over.
 */
export async function runSibling(): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {});
  process.once('disconnect', () => process.exit(1));
  const { config, port } = await started;
  const stopped = new Promise<void>((resolve) => {
    process.on('message', (message: ToSibling) => {
      if (message.type === 'stop') resolve();
      else if (message.type === 'login') throttle.hear(message.event);
    });
  });
  const throttle = new LoginThrottle({ announce: (event) => tell({ type: 'login', event }) });
  const driver = await openStorageDriver(config.storage);
  const metadata = await openIndex(config);
  const server = await openServerProcess({ config, driver, metadata, throttle });
  await server.listen({ port, shared: true });
  tell({ type: 'ready', processId: metadata.processes.id });

  await stopped;
  await server.close();
  await metadata.close();
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
