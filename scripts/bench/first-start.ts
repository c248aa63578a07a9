import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { type ArrangementOptions, subject } from './arrangement.ts';
import { sharedFiles } from './contestants/registry-settings.ts';
import { fetchTokens, type Tokens } from './tokens.ts';
import type { WorkDirectory } from './work-directory.ts';

/** What everything else needs from a server that has run once. */
export interface FirstStart {
  readonly tokens: Tokens;
  /** Of this server. */
  readonly processes: number;
}

/** SQLite's own files beside a database that is open, or was not closed. */
const COMPANIONS = ['', '-wal', '-shm'];

/**
 * Starts this server once: it makes certificates and keys and brings the index up to what the program wants, and the bench logs in.
 * The index stays for the next run, for building it from storage takes longer than many a case.
 *
 * @param progress told what takes a while
 */
export async function firstStart(options: ArrangementOptions, progress: (line: string) => void): Promise<FirstStart> {
  const { work } = options;
  const server = subject('tls', options);
  const kept = restoreIndex(work);
  if (!kept) progress('first start: the index is built from storage, which takes a while');
  const running = await server.start().catch((failure) => {
    if (!kept) throw failure;
    progress('the program does not take the index that was kept; it is built again');
    dropIndex(work);
    return server.start();
  });
  try {
    return { tokens: await fetchTokens(running.url, work.run), processes: running.tree.processes };
  } finally {
    await running.stop();
    keepIndex(work);
  }
}

/** Forgets the index, that of this run too. */
export function dropIndex(work: WorkDirectory): void {
  const { index } = sharedFiles(work.run);
  for (const companion of COMPANIONS) rmSync(`${index}${companion}`, { force: true });
  rmSync(work.index, { force: true });
}

/** Gives this run the index of an earlier one. @returns false when there is none */
function restoreIndex(work: WorkDirectory): boolean {
  if (!existsSync(work.index)) return false;
  copyFileSync(work.index, sharedFiles(work.run).index);
  return true;
}

/** Keeps the index of a server that has been stopped. */
function keepIndex(work: WorkDirectory): void {
  const { index } = sharedFiles(work.run);
  if (existsSync(index) && !existsSync(`${index}-wal`)) copyFileSync(index, work.index);
}
