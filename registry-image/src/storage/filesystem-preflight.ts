import { constants } from 'node:fs';
import { access, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { failedWith } from './filesystem-directories.ts';
import { expectThat, type StepOutcome } from './storage-probe-step.ts';

/** Something about a directory that an object store would not have. */
export interface DirectoryStep {
  readonly action: string;
  /** @throws Error that says what is wrong */
  run(): Promise<StepOutcome>;
}

/** Directories that one look goes through at most. */
const MAX_DIRECTORIES = 2000;
/** Blobs whose readability is tried. */
const MAX_BLOBS = 20;
/** Faults that are named; the rest is counted. */
const MAX_NAMED = 3;

/** Less than a layer of common size: the next push may fail. */
const MIN_FREE_BYTES = 1024 ** 3;
/** Each blob takes two directories and a file, each link as many again. */
const MIN_FREE_INODES = 10_000;

/** `f_type` of statfs(2) of file systems across a network, or in memory alone. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  12805120: 'Ceph',
  1702057286: 'FUSE',
  16914839: '9P',
  198183888: 'Lustre',
  18225520: 'GFS2',
  1952539503: 'OCFS2',
};
const MEMORY_FILE_SYSTEMS: Readonly<Record<number, string>> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };
const OVERLAYFS = 0x794c7630;

/** What a directory must be like to keep a registry. @param root of the filesystem driver, which need not exist */
export function directorySteps(root: string): readonly DirectoryStep[] {
  const whenThere = (run: () => Promise<StepOutcome>) => async () => {
    try {
      await stat(root);
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR')) return { skipped: 'the directory does not exist' };
      throw error;
    }
    return run();
  };
  return [
    { action: 'directories', run: whenThere(() => checkDirectories(root)) },
    { action: 'space', run: whenThere(() => checkSpace(root)) },
    { action: 'durability', run: whenThere(() => checkDurability(root)) },
  ];
}

/** Whether what is there already, made by another server or another user perhaps, can be read and changed by this process. */
async function checkDirectories(root: string): Promise<StepOutcome> {
  const faults: string[] = [];
  const directories = await layoutDirectories(root, faults);
  const { uid, gid, dev } = await stat(root);
  for (const directory of directories) {
    await tryAccess(directory, constants.R_OK | constants.W_OK | constants.X_OK, 'read, written and searched', faults);
    const device = await deviceOf(directory);
    if (device !== undefined && device !== dev) {
      faults.push(`${directory} is on another file system than ${root}, and files are renamed from one to the other`);
    }
  }
  const prefixes = directories.filter((directory) => /\/blobs\/[^/]+\/[^/]+$/.test(directory)).slice(0, MAX_BLOBS);
  for (const prefix of prefixes) {
    for (const hex of (await namesIn(prefix, [])).slice(0, 1)) {
      await tryAccess(join(prefix, hex, 'data'), constants.R_OK, 'read', faults);
    }
  }
  const more = faults.length > MAX_NAMED ? `; and ${faults.length - MAX_NAMED} more` : '';
  expectThat(faults.length === 0, `${faults.slice(0, MAX_NAMED).join('; ')}${more}`);
  const looked = `${directories.length} directories can be read and changed`;
  return process.getuid?.() === 0 && uid !== 0
    ? {
        note: `${looked} by root, which says nothing about user ${uid}, group ${gid}, whose directory it is: run this as that user`,
      }
    : { note: looked };
}

/** The upper directories of the layout, as far as they exist: a user who may change these may change those below. */
async function layoutDirectories(root: string, faults: string[]): Promise<string[]> {
  const found = [root];
  const upper = [
    'docker',
    'docker/registry',
    'docker/registry/v2',
    'docker/registry/v2/blobs',
    'docker/registry/v2/repositories',
  ];
  for (const name of [...upper, 'uploads']) {
    const directory = join(root, name);
    if (await isDirectory(directory)) found.push(directory);
  }
  for (const algorithm of await directoriesIn(join(root, 'docker/registry/v2/blobs'), faults)) {
    found.push(algorithm, ...(await directoriesIn(algorithm, faults)));
  }
  found.push(...(await directoriesIn(join(root, 'docker/registry/v2/repositories'), faults)));
  return found.slice(0, MAX_DIRECTORIES);
}

async function directoriesIn(directory: string, faults: string[]): Promise<string[]> {
  const paths = (await namesIn(directory, faults)).map((name) => join(directory, name));
  const isThere = await Promise.all(paths.slice(0, MAX_DIRECTORIES).map(isDirectory));
  return paths.filter((_, index) => isThere[index]);
}

async function namesIn(directory: string, faults: string[]): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    // The check of the directory itself says that it cannot be read.
    if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'EACCES')) faults.push((error as Error).message);
    return [];
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

async function deviceOf(directory: string): Promise<number | undefined> {
  return stat(directory).then(
    ({ dev }) => dev,
    () => undefined,
  );
}

async function tryAccess(path: string, mode: number, what: string, faults: string[]): Promise<void> {
  try {
    await access(path, mode);
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return;
    const owner = await stat(path).then(
      ({ uid, gid, mode: bits }) => `of user ${uid}, group ${gid}, mode ${(bits & 0o7777).toString(8)}`,
      () => 'which cannot be looked at',
    );
    faults.push(
      `${path} (${owner}) cannot be ${what} (${(error as NodeJS.ErrnoException).code}): give it to the user of the server (chown -R)`,
    );
  }
}

async function checkSpace(root: string): Promise<StepOutcome> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(root);
  const free = bavail * bsize;
  const told = `${gibibytes(free)} of ${gibibytes(blocks * bsize)} GiB are free`;
  expectThat(free >= MIN_FREE_BYTES, `${told}; make room or enlarge the disk before pushes fail`);
  // Btrfs and others make inodes as they are needed, and say that there are none.
  if (files === 0) return { note: told };
  expectThat(
    ffree >= MIN_FREE_INODES,
    `${told}, but only ${ffree} of ${files} inodes: no more files can be created soon`,
  );
  return { note: `${told}, and ${ffree} of ${files} inodes` };
}

async function checkDurability(root: string): Promise<StepOutcome> {
  await syncFile(root);
  const hints = [(await canSyncDirectory(root)) ? 'files and directories can be synced' : NO_DIRECTORY_SYNC];
  const { type } = await statfs(root);
  const network = NETWORK_FILE_SYSTEMS[type];
  const memory = MEMORY_FILE_SYSTEMS[type];
  if (network !== undefined)
    hints.push(`it is ${network}: what is acknowledged is as durable as the file server makes it`);
  if (memory !== undefined) hints.push(`it is ${memory}: everything is gone when this machine ends`);
  if (type === OVERLAYFS) {
    hints.push('it is overlayfs, probably inside of a container: everything is gone with it; mount a volume');
  }
  return { note: hints.join('; ') };
}

const NO_DIRECTORY_SYNC =
  'files can be synced, directories cannot: after a power failure what was acknowledged last may be missing';

async function syncFile(root: string): Promise<void> {
  const path = join(root, `.doctor-${process.pid}`);
  const file = await open(path, 'wx');
  try {
    await file.writeFile('x');
    await file.datasync();
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

async function canSyncDirectory(directory: string): Promise<boolean> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
    return true;
  } catch (error) {
    if (failedWith(error, 'EINVAL')) return false;
    throw error;
  } finally {
    await handle.close();
  }
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
