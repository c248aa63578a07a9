import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { sharedFiles } from './contestants/registry-settings.ts';
import type { WorkDirectory } from './work-directory.ts';

/** SQLite's own files beside a database that is open, or was not closed. */
const COMPANIONS = ['', '-wal', '-shm'];

/** Gives this run the index of an earlier one. @returns false when there is none */
export function restoreIndex(work: WorkDirectory): boolean {
  if (!existsSync(work.index)) return false;
  copyFileSync(work.index, sharedFiles(work.run).index);
  return true;
}

/** Keeps the index of a server that has been stopped. */
export function keepIndex(work: WorkDirectory): void {
  const { index } = sharedFiles(work.run);
  if (!existsSync(`${index}-wal`)) copyFileSync(index, work.index);
}

/** Forgets the index, that of this run too. */
export function dropIndex(work: WorkDirectory): void {
  const { index } = sharedFiles(work.run);
  for (const companion of COMPANIONS) rmSync(`${index}${companion}`, { force: true });
  rmSync(work.index, { force: true });
}
