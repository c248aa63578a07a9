import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Times that connections are given, in milliseconds; tests shorten them. */
export interface AzureTimeLimits {
  /** For a connection to be made. */
  readonly connectMs: number;
  /** That a connection may be silent while something is waited for. */
  readonly idleMs: number;
}

export const AZURE_TIME_LIMITS: AzureTimeLimits = { connectMs: 5000, idleMs: 60_000 };

/**
 * Connections to an account, kept open for the next call and given up when they are silent for too long: the SDK would wait for
 * ever.
 *
 * @param ca certificates to trust in place of those of Node, in PEM; for tests
 */
export function createAzureAgent(endpoint: URL, limits: AzureTimeLimits, ca?: string): HttpAgent {
  const agent =
    endpoint.protocol === 'https:'
      ? new HttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) })
      : new HttpAgent({ keepAlive: true });
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = createConnection(options, callback) as Socket;
    limitTimes(socket, limits);
    return socket;
  };
  // While it is kept for the next call, a connection has the time limit that the server names.
  const reuseSocket = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket, request) => {
    reuseSocket(socket, request);
    (socket as Socket).setTimeout(limits.idleMs);
  };
  return agent;
}

function limitTimes(socket: Socket, { connectMs, idleMs }: AzureTimeLimits): void {
  let isConnected = false;
  socket.setTimeout(connectMs);
  socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
    isConnected = true;
    socket.setTimeout(idleMs);
  });
  socket.on('timeout', () => {
    // A reader that takes its time keeps the answer waiting, and not the other way round.
    if (socket.isPaused()) {
      socket.setTimeout(idleMs);
      return;
    }
    const what = isConnected ? `has sent nothing for ${idleMs} ms` : `could not be connected to in ${connectMs} ms`;
    socket.destroy(Object.assign(new Error(`the storage ${what}`), { code: 'ETIMEDOUT' }));
  });
}
