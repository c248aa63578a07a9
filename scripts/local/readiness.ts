import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { ListenAddress } from '../../registry-image/src/config/values.ts';

/** How long one question may take, in milliseconds. */
const TIMEOUT_MS = 2000;

/** Whether the server answers /readyz with a certificate of its own CA: what a client needs. */
export async function isReady({ host, port }: ListenAddress, caFile: string): Promise<boolean> {
  let ca: string;
  try {
    ca = readFileSync(caFile, 'utf8');
  } catch {
    return false;
  }
  return new Promise((resolve) => {
    const asked = request(
      { host: connectHost(host), port, path: '/readyz', ca, agent: false, timeout: TIMEOUT_MS },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/** An address to reach a server at that listens on `host`. */
function connectHost(host: string): string {
  if (host === '::') return '::1';
  return host === '' || host === '0.0.0.0' ? '127.0.0.1' : host;
}
