import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../errors/configuration-error.ts';
import { applyEnvironment, type Environment } from './environment.ts';
import { isSection } from './raw-config.ts';
import type { Config } from './schema.ts';
import { SCHEMA_TREE } from './schema-tree.ts';
import { modernize, modernizeKeys } from './spellings.ts';
import { validateConfig } from './validate.ts';
import { warningsOf } from './warnings.ts';
import { readYaml } from './yaml-text.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** The same before the schema: what file and environment say, without defaults. */
  readonly value: unknown;
  /** Keys that are set and have no effect, and variables that name no key: one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a configuration file, with the overrides of the environment.
 *
 * @throws ConfigurationError when the file cannot be read, and with every fault that it has
 */
export async function loadConfig(path: string, environment: Environment): Promise<LoadedConfig> {
  let text: string;
  try {
    // Not by the thread pool, whose size the configuration may say (storage.filesystem.maxthreads).
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new ConfigurationError(path, [
      { path: '', message: `cannot be read: ${why}; name the configuration file as the argument` },
    ]);
  }
  return parseConfig(text, path, environment);
}

/**
 * Reads the text of a configuration file: YAML, then the overrides of the environment, then the schema.
 *
 * @param source names the text in errors
 * @throws ConfigurationError with every fault
 */
export function parseConfig(text: string, source: string, environment: Environment): LoadedConfig {
  const yaml = readYaml(text, SCHEMA_TREE);
  if (yaml.value === undefined) throw new ConfigurationError(source, yaml.faults);
  const file = yaml.value ?? {};
  // What is not a section at all is for the schema to refuse.
  const overrides = applyEnvironment(isSection(file) ? modernizeKeys(file) : {}, environment);
  const value = isSection(file) ? modernize(overrides.value) : file;
  const origin = (path: readonly PropertyKey[]) => {
    const line = yaml.line(path);
    return overrides.variable(path) ?? (line === undefined ? undefined : `line ${line}`);
  };
  const config = validateConfig(value, source, origin, [...yaml.faults, ...overrides.faults]);
  return { config, value, warnings: [...overrides.warnings, ...warningsOf(value)] };
}
