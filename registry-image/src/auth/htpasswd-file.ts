import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hash as bcrypt } from '@node-rs/bcrypt';

/** A bcrypt hash: version, cost and then 22 characters of salt and 31 of digest. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const BCRYPT_LIKE = /^\$2[abxy]?\$/;

/** A hash of cost 15 takes two seconds of one processor; what is dearer would let a few logins stop the server. */
const MAX_COST = 15;
const DEFAULT_COST = 10;
/** Cost of the hashes that are made here. */
const NEW_COST = 12;

/** Names that have a meaning of their own in the grants of the configuration. */
const RESERVED = new Set(['*', 'anonymous']);

/**
 * The users of a file as `htpasswd -B` writes it: one `name:bcrypt-hash` a line, with blank lines and lines that start with `#`
 * in between. The file is read again when it changes; when the new content is at fault, the last good one stays in force and the
 * fault is reported.
 */
export class HtpasswdFile {
  readonly path: string;
  readonly #reportFault: (fault: string) => void;
  #version = '';
  #hashes: ReadonlyMap<string, string> = new Map();

  private constructor(path: string, reportFault: (fault: string) => void) {
    this.path = path;
    this.#reportFault = reportFault;
  }

  /**
   * @param reportFault told, once for each change of the file, why the new content is not used
   * @returns the users, or every fault of the file
   */
  static async open(
    path: string,
    reportFault: (fault: string) => void,
  ): Promise<HtpasswdFile | { readonly faults: string[] }> {
    const file = new HtpasswdFile(path, reportFault);
    const faults = await file.#refresh();
    return faults.length === 0 ? file : { faults };
  }

  /** The bcrypt hash of the user's password; undefined for a name that is not in the file. */
  async hashOf(name: string): Promise<string | undefined> {
    for (const fault of await this.#refresh()) this.#reportFault(`the users stay as they were: ${fault}`);
    return this.#hashes.get(name);
  }

  /**
   * A well-formed hash that no password has, as dear as those of the file: an unknown name is checked against it, so that the time
   * of the answer does not tell which names exist.
   */
  get decoyHash(): string {
    const [first] = this.#hashes.values();
    const cost = BCRYPT.exec(first ?? '')?.[1] ?? String(DEFAULT_COST);
    return `$2b$${cost}$${'.'.repeat(53)}`;
  }

  /** Reads the file when it is not the one read last. */
  async #refresh(): Promise<string[]> {
    let version: string;
    let text: string;
    try {
      // Before reading, so that a change during the reading is noticed the next time.
      version = versionOf(await stat(this.path, { bigint: true }));
      if (version === this.#version) return [];
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      const fault = unreadable(this.path, error as NodeJS.ErrnoException);
      if (this.#version === fault) return [];
      this.#version = fault;
      return [fault];
    }
    this.#version = version;
    const { hashes, faults } = parseHtpasswd(text);
    if (faults.length > 0) return faults.map((fault) => `${this.path}, ${fault}`);
    this.#hashes = hashes;
    return [];
  }
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

function unreadable(path: string, { code, message }: NodeJS.ErrnoException): string {
  return code === 'ENOENT'
    ? `${path} does not exist; make it with: htpasswd -B -c ${path} <name>`
    : `${path} cannot be read: ${message}`;
}

/** The line of a user, without its line end. */
export async function htpasswdLine(name: string, password: string): Promise<string> {
  return `${name}:${await bcrypt(password, { cost: NEW_COST })}`;
}

/** Parses the lines of a user file; each fault names its line. */
export function parseHtpasswd(text: string): { hashes: Map<string, string>; faults: string[] } {
  const hashes = new Map<string, string>();
  const faults: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const hash = line.slice(colon + 1);
    const fault = colon < 1 ? 'is not name:hash' : faultOfUser(name, hash, hashes);
    if (fault === undefined) hashes.set(name, hash);
    else faults.push(`line ${index + 1} ${fault}`);
  }
  return { hashes, faults };
}

function faultOfUser(name: string, hash: string, others: ReadonlyMap<string, string>): string | undefined {
  if (RESERVED.has(name)) return `names the user "${name}", which stands for a group of users; choose another name`;
  if (others.has(name)) return `names the user "${name}" a second time; keep one of the lines`;
  const cost = Number(BCRYPT.exec(hash)?.[1]);
  if (Number.isNaN(cost)) {
    const kind = BCRYPT_LIKE.test(hash) ? 'a damaged bcrypt hash' : 'no bcrypt hash';
    return `has ${kind} for the user "${name}"; allowed is bcrypt, which htpasswd writes with -B: htpasswd -B <file> ${name}`;
  }
  if (cost < 4 || cost > MAX_COST) {
    return `has a bcrypt hash of cost ${cost} for the user "${name}"; allowed are 4 to ${MAX_COST}: htpasswd -B -C 12 <file> ${name}`;
  }
  return undefined;
}
