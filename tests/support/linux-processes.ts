import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What Linux tells of processes and their connections: https://man7.org/linux/man-pages/man5/proc.5.html */

/** Why a test that needs this cannot run here. */
export const NOT_LINUX = process.platform === 'linux' ? undefined : 'only Linux spreads connections over processes';

/** Ids of the processes that one has started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Whether a process runs; one that has ended, and that nobody has asked about yet, does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly isListening: boolean;
  readonly inode: string;
}

function tcpSockets(): TcpSocket[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1));
  return lines.filter(Boolean).map((line) => {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const portOf = (address: string) => Number.parseInt(address.split(':')[1] as string, 16);
    return { localPort: portOf(local), remotePort: portOf(remote), isListening: state === '0A', inode };
  });
}

/** How many sockets take connections to a port. */
export function countListeners(port: number): number {
  return tcpSockets().filter(({ localPort, isListening }) => isListening && localPort === port).length;
}

/** Which of the processes has the other end of a connection. @param from the client's port @param to the server's */
export function processOfConnection(from: number, to: number, pids: readonly number[]): number | undefined {
  const socket = tcpSockets().find(({ localPort, remotePort }) => localPort === to && remotePort === from);
  return socket && pids.find((pid) => hasSocket(pid, socket.inode));
}

function hasSocket(pid: number, inode: string): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((name) => {
    try {
      return readlinkSync(`${directory}/${name}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  });
}
