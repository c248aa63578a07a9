import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ListenAddress } from '../../registry-image/src/config/values.ts';
import { UserError } from './user-error.ts';

const FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program; stop that program, or choose another port with port in settings/local.yml',
  EACCES: 'may not be used by this user; choose one above 1023 with port in settings/local.yml',
  EADDRNOTAVAIL:
    'cannot be used, because the address is none of this computer; change listenHost in settings/local.yml',
};

/** @throws UserError when a server could not listen there now */
export async function assertPortFree({ host, port }: ListenAddress): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, host === '' ? '::' : host);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const fault = FAULTS[code] ?? `cannot be used (${code})`;
    throw new UserError(`port ${port} of ${host === '' ? 'this computer' : host} ${fault}`, { cause });
  }
}
