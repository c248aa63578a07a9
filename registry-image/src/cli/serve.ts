import { Command } from 'commander';
import { readConfig, withConfigFile } from './config-file.ts';

export function serveCommand(): Command {
  return withConfigFile(new Command('serve'))
    .description('run the registry until SIGTERM or SIGINT')
    .action(async (file: string | undefined) => {
      const { config, warnings } = await readConfig(file);
      sizeThreadPool(config.storage.filesystem?.maxthreads);
      const { serve } = await import('../serve.ts');
      try {
        await serve(config, warnings);
      } catch (error) {
        throw withAdvice(error, `${config.http.addr.host}:${config.http.addr.port}`);
      }
    });
}

/**
 * As many threads work on files at once, in each process. They are started with the first work that there is for them, and so the
 * size holds when it is set before: https://docs.libuv.org/en/v1.x/threadpool.html. What the environment says wins.
 */
function sizeThreadPool(threads: number | undefined): void {
  if (threads !== undefined) process.env.UV_THREADPOOL_SIZE ??= String(threads);
}

/** What the system says about an address that cannot be listened on, and what to do about it. */
function withAdvice(error: unknown, address: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen') return error;
  switch (code) {
    case 'EADDRINUSE':
      return new Error(`${address} is taken by another program; stop that, or choose another port in http.addr`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
      return new Error(`${address} is no address of this machine; choose one that is, or :port for all, in http.addr`, {
        cause: error,
      });
    case 'EACCES':
      return new Error(
        `${address} may not be listened on by this user; choose a port from 1024 in http.addr (${(error as Error).message})`,
        { cause: error },
      );
    default:
      return error;
  }
}
