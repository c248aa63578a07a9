import { createHmac, randomBytes } from 'node:crypto';
import { verify } from '@node-rs/bcrypt';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.ts';
import type { BasicCredentials } from './challenge.ts';
import type { HtpasswdFile } from './htpasswd-file.ts';
import { LoginThrottle } from './login-throttle.ts';

/** How long a verified password is remembered, in milliseconds. A change of the user file ends it at once. */
const REMEMBER_FOR = 60_000;
const MAX_REMEMBERED = 1000;

/** bcrypt runs on the thread pool of Node, four threads by default, which file access needs too. */
const MAX_RUNNING = 2;
/** Logins that may wait for their turn; further ones are told to come again. */
const MAX_WAITING = 256;

/**
 * Checks passwords against a user file.
 *
 * bcrypt looks at the first 72 bytes of a password only, here as in Apache and in distribution.
 */
export class Users {
  readonly #file: HtpasswdFile;
  readonly #throttle: LoginThrottle;
  /** Keys of passwords in memory are of no use after a restart, or to who reads them. */
  readonly #secret = randomBytes(32);
  readonly #verified = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: REMEMBER_FOR });
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(file: HtpasswdFile, throttle: LoginThrottle = new LoginThrottle()) {
    this.#file = file;
    this.#throttle = throttle;
  }

  /**
   * Whether the password is the user's. It takes as long for a name that does not exist.
   *
   * @param address of the client, which failed logins are counted for
   * @throws RegistryError TOOMANYREQUESTS after too many failures, UNAVAILABLE when too many logins wait
   */
  async login({ username, password }: BasicCredentials, address: string): Promise<boolean> {
    const hash = await this.#file.hashOf(username);
    const key = this.#keyOf(username, password, hash);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    this.#throttle.check(username, address);
    if (this.#verified.has(key)) return true;

    if (this.#waiting.length >= MAX_WAITING) {
      throw new RegistryError('UNAVAILABLE', {
        detail: `${MAX_WAITING} logins are waiting to be checked; try again in a moment`,
        headers: { 'Retry-After': '2' },
      });
    }
    this.#throttle.attempt(username, address);
    const login = this.#compare(password, hash);
    this.#running.set(key, login);
    try {
      const accepted = await login;
      if (accepted) {
        this.#verified.set(key, true);
        this.#throttle.succeed(username, address);
      }
      return accepted;
    } finally {
      this.#running.delete(key);
    }
  }

  async #compare(password: string, hash: string | undefined): Promise<boolean> {
    await this.#takeTurn();
    try {
      const matches = await verify(password, hash ?? this.#file.decoyHash);
      return matches && hash !== undefined;
    } finally {
      this.#passTurn();
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#busy < MAX_RUNNING) {
      this.#busy += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #passTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy -= 1;
    else next();
  }

  /** The stored hash is part of the key: a new password or a removed user is noticed at once. */
  #keyOf(username: string, password: string, hash = ''): string {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([username, password, hash]))
      .digest('base64');
  }
}
