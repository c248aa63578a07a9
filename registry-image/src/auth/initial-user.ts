import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { createFile } from '../keys/atomic-file.ts';
import { htpasswdLine } from './htpasswd-file.ts';

export interface InitialUserOptions {
  /** The user file, which is left alone when it exists. */
  readonly htpasswd: string;
  readonly name: string;
  /** File that the password is written to, one line, mode 0600. */
  readonly passwordfile: string;
}

/**
 * Makes the user file with one user, whose password is random.
 *
 * The password is written first: when the process ends between the two files, the next start takes the password from its file and
 * goes on. Processes that start together agree on one password, because each file is created by one of them only.
 *
 * @returns true when the user file was made
 */
export async function makeInitialUser({ htpasswd, name, passwordfile }: InitialUserOptions): Promise<boolean> {
  if (await exists(htpasswd)) return false;
  // 144 bits, well under the 72 bytes that bcrypt looks at.
  await createFile(passwordfile, `${randomBytes(18).toString('base64url')}\n`, 0o600);
  await chmod(passwordfile, 0o600);
  const password = (await readFile(passwordfile, 'utf8')).trim();
  if (password === '') throw new Error(`${passwordfile} is empty; remove it, and a new password is made`);
  return createFile(htpasswd, `${await htpasswdLine(name, password)}\n`, 0o600);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
