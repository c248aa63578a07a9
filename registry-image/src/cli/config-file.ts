import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';

const DEFAULT_FILE = '/etc/registry/config.yml';

/** Adds the argument that every command has: the configuration file. */
export function withConfigFile(command: Command): Command {
  return command.argument('[config]', `configuration file (default: $REGISTRY_CONFIGURATION_PATH, or ${DEFAULT_FILE})`);
}

/** The file of the argument, of distribution's own variable, or else the default. */
export function configFile(argument: string | undefined): string {
  return argument ?? process.env.REGISTRY_CONFIGURATION_PATH ?? DEFAULT_FILE;
}

/** @throws ConfigurationError with every fault */
export async function readConfig(argument: string | undefined): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig(configFile(argument), process.env);
}
