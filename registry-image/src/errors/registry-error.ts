import { ERROR_CODES, type RegistryErrorCode } from './codes.ts';

export interface RegistryErrorOptions extends ErrorOptions {
  /** Says what is wrong, the value received, what is allowed, what to do; part of the answer's body. */
  readonly detail?: unknown;
  /** Header fields of the answer, such as WWW-Authenticate or Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error that a client is told of. Its status and message come from the table of codes. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RegistryErrorCode, options: RegistryErrorOptions = {}) {
    super(ERROR_CODES[code].message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RegistryError';
    this.code = code;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}
