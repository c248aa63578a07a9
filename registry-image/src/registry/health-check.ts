import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { ObjectNotFoundError, type StorageDriver } from '../storage/storage-driver.ts';

/** Never written: the storage answers that it is not there. */
const PROBE_KEY = 'uploads/health-probe';

export interface HealthReport {
  readonly ready: boolean;
  /** What each part said last: `ok`, or what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface HealthCheckOptions {
  readonly driver: StorageDriver;
  readonly metadata: MetadataStore;
  /** `health.storagedriver` of the configuration. */
  readonly storagedriver: Config['health']['storagedriver'];
}

/**
 * Asks storage and index whether they answer. Storage is asked at an interval, and is unhealthy after `threshold` failures in a
 * row, so that a health probe a second costs no request to a bucket a second.
 */
export class HealthCheck {
  readonly #options: HealthCheckOptions;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #storageSays = 'not asked yet';
  #closing = false;

  constructor(options: HealthCheckOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { enabled, interval } = this.#options.storagedriver;
    if (!enabled) return;
    await this.#askStorage();
    this.#timer = setInterval(() => void this.#askStorage(), interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** From now on not ready: no new work is wanted. */
  drain(): void {
    this.#closing = true;
  }

  async report(): Promise<HealthReport> {
    const { enabled, threshold } = this.#options.storagedriver;
    const storageReady = !enabled || (this.#storageSays !== 'not asked yet' && this.#failures < threshold);
    const index = await this.#askIndex();
    return {
      ready: storageReady && index === 'ok' && !this.#closing,
      checks: {
        server: this.#closing ? 'shutting down' : 'ok',
        storage: enabled ? this.#storageSays : 'not checked (health.storagedriver.enabled: false)',
        index,
      },
    };
  }

  async #askStorage(): Promise<void> {
    try {
      await this.#options.driver.stat(PROBE_KEY);
      this.#failures = 0;
      this.#storageSays = 'ok';
    } catch (error) {
      if (error instanceof ObjectNotFoundError) {
        this.#failures = 0;
        this.#storageSays = 'ok';
      } else {
        this.#failures += 1;
        this.#storageSays = (error as Error).message;
      }
    }
  }

  async #askIndex(): Promise<string> {
    try {
      await this.#options.metadata.ping();
      return 'ok';
    } catch (error) {
      return (error as Error).message;
    }
  }
}
