import { channel } from 'node:diagnostics_channel';

/** One call of a driver to its backend, when it has ended. Nothing secret is in it. */
export interface StorageCall {
  readonly driver: string;
  /** By the backend's name for it, such as `GetObject`. */
  readonly call: string;
  /** Name of the object in the backend; left out where a call has none. */
  readonly object?: string;
  /** Of HTTP; left out when there was no answer. */
  readonly status?: number;
  /** Times that it was made. */
  readonly attempts?: number;
  readonly duration_ms: number;
  /** What went wrong. */
  readonly error?: string;
}

/** Where drivers that are configured to log their calls tell of them; whoever has a log listens. */
export const STORAGE_CALLS = channel('registry-image.storage.calls');
