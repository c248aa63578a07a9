import type { Server as NetServer } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { loadServerTls, type ServerTlsOptions, type TlsSettings } from './server-tls.ts';

export interface TlsWatch {
  /** Loads the files now; does nothing when they are as they were. */
  reload(): Promise<void>;
  close(): void;
}

export interface TlsWatchOptions {
  /** Host that the certificate must be for, as for {@link loadServerTls}. */
  readonly externalHost?: string | undefined;
  /** @default 60 */
  readonly intervalSeconds?: number;
}

interface Log {
  info(message: string): void;
  error(details: object, message: string): void;
}

/**
 * Takes a renewed certificate into service without dropping a connection, whether somebody else renewed it or it is self-signed and
 * coming to its end. Files at fault are reported once and leave the server with the certificate it has.
 *
 * @param server the server of https.createServer that runs with these settings
 * @param inUse what it was created with
 */
export function watchServerTls(
  server: NetServer,
  settings: TlsSettings,
  inUse: ServerTlsOptions,
  log: Log,
  { externalHost, intervalSeconds = 60 }: TlsWatchOptions = {},
): TlsWatch {
  if (!(server instanceof TlsServer)) throw new Error('http.tls is set, but the server speaks plain HTTP');
  let current = fingerprint(inUse);
  let reported = '';
  let running = Promise.resolve();

  async function load(): Promise<void> {
    try {
      const { options: loaded } = await loadServerTls(settings, externalHost);
      reported = '';
      if (fingerprint(loaded) === current) return;
      (server as TlsServer).setSecureContext(loaded);
      log.info('TLS certificate reloaded');
      current = fingerprint(loaded);
    } catch (error) {
      const { message } = error as Error;
      if (message !== reported) log.error({ err: error }, 'TLS certificate not reloaded; the one in use stays');
      reported = message;
    }
  }

  function reload(): Promise<void> {
    running = running.then(load);
    return running;
  }

  const timer = setInterval(() => void reload(), intervalSeconds * 1000).unref();
  return { reload, close: () => clearInterval(timer) };
}

function fingerprint({ cert, key, ca }: ServerTlsOptions): string {
  return JSON.stringify([cert, key, ca]);
}
