import { explainIdentityAnswer, explainUnreachable } from './swift-errors.ts';
import type { SwiftHttp } from './swift-http.ts';
import type { SwiftOptions } from './swift-options.ts';
import { type SwiftToken, tokenProtocol } from './swift-tokens.ts';

/** A token is renewed when a tenth of its time is left, at most so long before its end. */
const MAX_EARLINESS_MS = 300_000;

/** Pause between two tries of a renewal: also where the service gives out the same token until it is over. */
const RENEWAL_PAUSE_MS = 1000;

/** Where the service does not say how long a token is good for. A request that is refused asks for another one anyway. */
const ASSUMED_LIFETIME_MS = 3_600_000;

interface CurrentToken extends SwiftToken {
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  renewAt: number;
}

/** The right to use an account of Swift: one token for all requests, renewed in the background before it ends. */
export class SwiftIdentity {
  readonly #options: SwiftOptions;
  readonly #http: SwiftHttp;
  #current: CurrentToken | undefined;
  #renewal: Promise<CurrentToken> | undefined;

  constructor(options: SwiftOptions, http: SwiftHttp) {
    this.#options = options;
    this.#http = http;
  }

  /**
   * A token that is good for now.
   *
   * @param refused one that Swift has just not accepted
   * @throws Error that says what to do when the identity service gives none
   */
  async token(refused?: string): Promise<SwiftToken> {
    const current = this.#current;
    const now = Date.now();
    if (current === undefined || current.token === refused || now >= current.endsAt) return this.#renewed();
    if (now >= current.renewAt) {
      current.renewAt = now + RENEWAL_PAUSE_MS;
      // When it fails there is time for another try, and at the end of the token the failure is told.
      this.#renewed().catch(() => {});
    }
    return current;
  }

  #renewed(): Promise<CurrentToken> {
    this.#renewal ??= this.#ask().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #ask(): Promise<CurrentToken> {
    const { call, read } = tokenProtocol(this.#options);
    const askedAt = Date.now();
    const answer = await this.#http.send(call).catch((error) => {
      throw explainUnreachable(error, 'storage.swift.authurl');
    });
    if (answer.status >= 300) throw explainIdentityAnswer(answer, call, this.#options);
    const token = read(answer);
    const endsAt = token.expiresAt ?? askedAt + ASSUMED_LIFETIME_MS;
    const renewAt = endsAt - Math.min(MAX_EARLINESS_MS, (endsAt - askedAt) / 10);
    this.#current = { ...token, endsAt, renewAt: Math.max(renewAt, askedAt + RENEWAL_PAUSE_MS) };
    return this.#current;
  }
}
