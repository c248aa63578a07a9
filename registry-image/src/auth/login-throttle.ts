import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/registry-error.ts';

/** What one process of a server tells the others, so that guessing is not quicker where there are several. */
export interface LoginEvent {
  readonly outcome: 'attempt' | 'success';
  /** Digest of account and address. */
  readonly account: string;
  readonly address: string;
}

export interface LoginThrottleOptions {
  /** Failed logins of one account from one address within the window; further ones are refused unseen. */
  readonly perAccount: number;
  /** Failed logins from one address, whatever the account. */
  readonly perAddress: number;
  readonly windowSeconds: number;
  /** Told of every login here, for the other processes to `hear`. */
  readonly announce: (event: LoginEvent) => void;
}

const DEFAULTS = { perAccount: 10, perAddress: 100, windowSeconds: 300 };

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

  constructor(options: Partial<LoginThrottleOptions> = {}, now: () => number = Date.now) {
    this.#options = { ...DEFAULTS, announce: () => {}, ...options };
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
    this.#tell({ outcome: 'attempt', account: accountKey(account, address), address });
  }

  /** The attempt was none to count: the account's failures are forgotten, the address gets its one back. */
  succeed(account: string, address: string): void {
    this.#tell({ outcome: 'success', account: accountKey(account, address), address });
  }

  /** Counts a login at another process. */
  hear({ outcome, account, address }: LoginEvent): void {
    if (outcome === 'attempt') {
      for (const key of [account, addressKey(address)]) {
        const counter = this.#counterOf(key);
        counter.failures += 1;
        this.#counters.set(key, counter);
      }
      return;
    }
    this.#counters.delete(account);
    const counter = this.#counters.get(addressKey(address));
    if (counter !== undefined) counter.failures = Math.max(0, counter.failures - 1);
  }

  #tell(event: LoginEvent): void {
    this.hear(event);
    this.#options.announce(event);
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
