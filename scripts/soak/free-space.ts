import { statfsSync } from 'node:fs';
import { UserError } from '../local/user-error.ts';

/** What else goes to the disk beside the layer: the index, the log, and others who use the disk meanwhile. */
const RESERVE_BYTES = 4 * 1024 ** 3;

/**
 * The layer itself, which is moved and never copied, and parts that were lost when the server was killed.
 *
 * @throws UserError when a directory has not room enough for a layer
 */
export function requireSpace(directory: string, size: number, kills: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const needed = size * (kills > 0 ? 2 : 1) + RESERVE_BYTES;
  if (free >= needed) return;
  throw new UserError(
    `${directory} has ${gibibytes(free)} GiB free, and ${gibibytes(needed)} GiB are needed; choose a smaller --size, or another --directory`,
  );
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
