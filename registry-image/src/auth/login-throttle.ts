import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.ts';

export interface LoginThrottleOptions {
  /** Failed logins of one account from one address within the window; further ones are refused unseen. */
  readonly perAccount: number;
  /** Failed logins from one address, whatever the account. */
  readonly perAddress: number;
  readonly windowSeconds: number;
}

const DEFAULTS: LoginThrottleOptions = { perAccount: 10, perAddress: 100, windowSeconds: 300 };

/** Counters kept; the least recently used go first, so that an attacker with many addresses cannot fill the memory. */
const MAX_COUNTERS = 10_000;

interface Counter {
  failures: number;
  /** Milliseconds since 1970, when the window ends. */
  readonly endsAt: number;
}

/**
 * Slows down the guessing of passwords. An attempt counts as failed from its start until it succeeds, so that attempts made at
 * once do not slip through.
 */
export class LoginThrottle {
  readonly #options: LoginThrottleOptions;
  readonly #now: () => number;
  readonly #counters = new LRUCache<string, Counter>({ max: MAX_COUNTERS });

  constructor(options: LoginThrottleOptions = DEFAULTS, now: () => number = Date.now) {
    this.#options = options;
    this.#now = now;
  }

  /** @throws RegistryError TOOMANYREQUESTS with Retry-After, when the account or the address has failed too often */
  check(account: string, address: string): void {
    const { perAccount, perAddress } = this.#options;
    for (const [key, limit] of [
      [accountKey(account, address), perAccount],
      [addressKey(address), perAddress],
    ] as const) {
      const counter = this.#counterOf(key);
      if (counter.failures < limit) continue;
      const seconds = Math.max(1, Math.ceil((counter.endsAt - this.#now()) / 1000));
      throw new RegistryError('TOOMANYREQUESTS', {
        detail: `too many failed logins; wait ${seconds} s, then try again with the right password`,
        headers: { 'Retry-After': String(seconds) },
      });
    }
  }

  /** Counts an attempt, as failed for now. */
  attempt(account: string, address: string): void {
    for (const key of [accountKey(account, address), addressKey(address)]) {
      const counter = this.#counterOf(key);
      counter.failures += 1;
      this.#counters.set(key, counter);
    }
  }

  /** The attempt was none to count: the account's failures are forgotten, the address gets its one back. */
  succeed(account: string, address: string): void {
    this.#counters.delete(accountKey(account, address));
    const counter = this.#counters.get(addressKey(address));
    if (counter !== undefined) counter.failures = Math.max(0, counter.failures - 1);
  }

  #counterOf(key: string): Counter {
    const counter = this.#counters.get(key);
    if (counter !== undefined && counter.endsAt > this.#now()) return counter;
    return { failures: 0, endsAt: this.#now() + this.#options.windowSeconds * 1000 };
  }
}

/** A digest, because a client chooses how long the account's name is. */
function accountKey(account: string, address: string): string {
  return createHash('sha256')
    .update(JSON.stringify([account, address]))
    .digest('base64');
}

function addressKey(address: string): string {
  return `address ${address}`;
}
