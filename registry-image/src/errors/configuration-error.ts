/** One thing wrong with a configuration: where, and what to do about it. */
export interface ConfigurationFault {
  /** Dotted path of the key, such as `http.tls.certificate`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

/** Every fault of a configuration in one report. */
export class ConfigurationError extends Error {
  readonly faults: readonly ConfigurationFault[];

  constructor(source: string, faults: readonly ConfigurationFault[]) {
    const lines = faults.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
    super(`${source} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}
