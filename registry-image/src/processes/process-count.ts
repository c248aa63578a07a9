import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.ts';

/** Processes that `auto` starts at most: each has 60 to 90 MB of memory of its own. */
const MOST_AUTOMATIC = 8;

/** How many processes a server with this configuration has. */
export function processCount(config: Config): number {
  if (config.http.processes !== 'auto') return config.http.processes;
  if (config.storage.inmemory !== undefined) return 1;
  // Only Linux spreads the connections to one port over several processes.
  return process.platform === 'linux' ? Math.min(availableParallelism(), MOST_AUTOMATIC) : 1;
}
