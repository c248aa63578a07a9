import { readFile, stat } from 'node:fs/promises';
import { createFile, replaceFile } from '../keys/atomic-file.ts';
import { htpasswdLine, parseHtpasswd } from './htpasswd-file.ts';

/** bcrypt looks at this many bytes of a password, and would let in whoever has these right. */
const MAX_PASSWORD_BYTES = 72;
const MIN_PASSWORD_LENGTH = 8;

/** Names that stand for groups of users in the grants of the configuration begin with none of these characters. */
const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const RESERVED = new Set(['anonymous']);

/**
 * Gives a user of an htpasswd file a password. Comments and the other users stay as they are; the file is made, with mode 0600,
 * when it does not exist.
 *
 * @returns whether the user is new
 * @throws Error for a name or password that cannot be, and for a file with faults
 */
export async function setPassword(path: string, name: string, password: string): Promise<boolean> {
  checkName(name);
  checkPassword(password);
  const file = await readUsers(path);
  const line = await htpasswdLine(name, password);
  const isNew = !file.names.includes(name);
  const lines = isNew
    ? [...file.lines, line]
    : file.lines.map((old) => (old.trim().startsWith(`${name}:`) ? line : old));
  await write(path, lines, file.mode);
  return isNew;
}

/** @returns false when there is no such user; the file is left as it is */
export async function removeUser(path: string, name: string): Promise<boolean> {
  const { lines, names, mode } = await readUsers(path);
  if (!names.includes(name)) return false;
  await write(
    path,
    lines.filter((line) => !line.trim().startsWith(`${name}:`)),
    mode,
  );
  return true;
}

/** The names in an htpasswd file, in its order. @throws Error for a file with faults */
export async function listUsers(path: string): Promise<readonly string[]> {
  return (await readUsers(path)).names;
}

interface UserLines {
  readonly lines: readonly string[];
  readonly names: readonly string[];
  /** Permission bits; `undefined` when there is no file yet. */
  readonly mode: number | undefined;
}

async function readUsers(path: string): Promise<UserLines> {
  let text: string;
  let mode: number;
  try {
    text = await readFile(path, 'utf8');
    mode = (await stat(path)).mode & 0o777;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new Error(`${path} cannot be read: ${message}`, { cause: error });
    return { lines: [], names: [], mode: undefined };
  }
  const { hashes, faults } = parseHtpasswd(text);
  if (faults.length > 0) throw new Error(`${path} is left as it is, for it has faults: ${faults.join('; ')}`);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return { lines, names: [...hashes.keys()], mode };
}

/** A reader other than the owner, which the file had, stays one; nobody else becomes one. */
async function write(path: string, lines: readonly string[], mode: number | undefined): Promise<void> {
  const text = lines.map((line) => `${line}\n`).join('');
  if (mode !== undefined) await replaceFile(path, text, mode & 0o640);
  else if (!(await createFile(path, text, 0o600))) {
    throw new Error(`${path} was made by another program just now; try again`);
  }
}

function checkName(name: string): void {
  if (RESERVED.has(name) || !USER_NAME.test(name)) {
    throw new Error(
      `"${name}" cannot be the name of a user: allowed are 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit, and not anonymous`,
    );
  }
}

function checkPassword(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (password.length < MIN_PASSWORD_LENGTH || bytes > MAX_PASSWORD_BYTES) {
    throw new Error(
      `the password has ${bytes} bytes; allowed are ${MIN_PASSWORD_LENGTH} characters to ${MAX_PASSWORD_BYTES} bytes, which is what bcrypt looks at`,
    );
  }
}
